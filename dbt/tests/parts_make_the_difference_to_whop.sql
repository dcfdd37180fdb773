-- What the rules make and what nobody can explain add up to the difference, and our number is the one of the marts.
with compared as (
    select
        *,
        unexplained_difference
        {%- for rule in comparison_rules() %}
        + {{ rule }}_difference
        {%- endfor %} as parts
    from {{ ref('whop_comparison') }}
)

select
    compared.company_id,
    compared.month,
    compared.metric,
    compared.whop_value,
    compared.our_value,
    compared.difference,
    compared.parts
from compared
left join {{ ref('metrics_monthly') }} as metrics
    on compared.company_id = metrics.company_id
    and compared.month = metrics.month
where
    compared.parts <> compared.difference
    or compared.whop_value - compared.our_value <> compared.difference
    or (compared.metric = 'gross_revenue' and compared.our_value <> coalesce(metrics.gross_usd, 0))
    or (compared.metric = 'net_revenue' and compared.our_value <> coalesce(metrics.net_usd, 0))
    or (
        compared.metric = 'monthly_recurring_revenue'
        and compared.measured_on = {{ last_day_of('compared.month') }}
        and compared.our_value <> coalesce(metrics.mrr_end_usd, 0)
    )
