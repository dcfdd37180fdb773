{%- set sums = [
    'mrr_start_usd', 'mrr_end_usd', 'mrr_unpaid_usd', 'gross_usd', 'refunded_usd', 'charged_back_usd', 'fees_usd',
    'net_usd', 'one_time_gross_usd', 'payments_paid', 'disputes', 'failed_payments', 'recovered_payments',
    'at_risk_usd', 'recovered_usd', 'trials_started', 'trials_converted', 'payments_without_usd',
    'payments_without_fees'
] -%}

-- Along each dimension what can be added up is the company's.
with segments as (
    select
        company_id,
        dimension,
        month
        {%- for column in sums %},
        sum({{ column }}) as {{ column }}
        {%- endfor %}
    from {{ ref('metrics_monthly_by_segment') }}
    group by company_id, dimension, month
)

select metrics.company_id, metrics.month, segments.dimension
from {{ ref('metrics_monthly') }} as metrics
left join segments on metrics.company_id = segments.company_id and metrics.month = segments.month
where
    segments.month is null
    {%- for column in sums %}
    or metrics.{{ column }} is distinct from segments.{{ column }}
    {%- endfor %}
