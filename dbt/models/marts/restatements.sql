{%- set measures = kept_measures() -%}
{%- set sums = restated_sums() -%}

with kept as (
    select
        company_id,
        month,
        build_number
        {%- for measure in measures %},
        sum({{ measure }}) as {{ measure }}
        {%- endfor %}
    from {{ ref('int_closed_months') }}
    group by company_id, month, build_number
),

builds as (
    select company_id, build_number, reported_at
    from {{ ref('int_builds') }}
),

told as (
    select
        reports.company_id,
        reports.month,
        reports.reported_at,
        reports.last_reported_at,
        kept.month as kept_month,
        kept.build_number <= reports.build_number as was_said,
        builds.reported_at as said_at,
        kept.build_number > reports.build_number and builds.reported_at = reports.last_reported_at as is_said_last
        {%- for measure in measures %},
        kept.{{ measure }}
        {%- endfor %}
    from {{ ref('int_closed_month_reports') }} as reports
    inner join kept on reports.company_id = kept.company_id and kept.month <= reports.month
    inner join builds on kept.company_id = builds.company_id and kept.build_number = builds.build_number
),

numbers as (
    select
        company_id,
        month,
        reported_at
        {%- for metric, (span, value) in sums.items() %},
        sum(
            case when was_said and {{ months_of_sum(span, 'kept_month', 'month') }} then {{ value }} else 0 end
        ) as {{ metric }}_was,
        sum(case when {{ months_of_sum(span, 'kept_month', 'month') }} then {{ value }} else 0 end) as {{ metric }}_now,
        sum(
            case when is_said_last and {{ months_of_sum(span, 'kept_month', 'month') }} then {{ value }} else 0 end
        ) as {{ metric }}_last
        {%- endfor %}
        {%- for part in ['starting_change_usd', 'starting_loss_usd'] %},
        sum(case when was_said and kept_month = month then {{ part }} else 0 end) as {{ part }}_was,
        sum(case when kept_month = month then {{ part }} else 0 end) as {{ part }}_now,
        sum(case when is_said_last and kept_month = month then {{ part }} else 0 end) as {{ part }}_last
        {%- endfor %}
    from told
    group by company_id, month, reported_at
),

{%- set ratios = {
    'logo_churn_rate': ('customers_lost', 'customers_start'),
    'nrr': ('mrr_start_usd + starting_change_usd', 'mrr_start_usd'),
    'grr': ('mrr_start_usd + starting_loss_usd', 'mrr_start_usd')
} %}

with_ratios as (
    select
        numbers.*,
        {{ divide('customers_lost_was', 'customers_start_was', 9) }} as logo_churn_rate_was,
        {{ divide('customers_lost_now', 'customers_start_now', 9) }} as logo_churn_rate_now,
        {{ divide('customers_lost_now - customers_lost_last', 'customers_start_now - customers_start_last', 9) }}
            as logo_churn_rate_before
        {%- for ratio, part in {'nrr': 'starting_change_usd', 'grr': 'starting_loss_usd'}.items() %},
        {{ divide('mrr_start_usd_was + ' ~ part ~ '_was', 'mrr_start_usd_was', 9) }} as {{ ratio }}_was,
        {{ divide('mrr_start_usd_now + ' ~ part ~ '_now', 'mrr_start_usd_now', 9) }} as {{ ratio }}_now,
        {{ divide(
            'mrr_start_usd_now - mrr_start_usd_last + ' ~ part ~ '_now - ' ~ part ~ '_last',
            'mrr_start_usd_now - mrr_start_usd_last', 9
        ) }} as {{ ratio }}_before
        {%- endfor %}
    from numbers
),

-- Each of one type: in DuckDB a union has the scale of its first part.
long as (
    {%- for metric in sums %}
    select
        company_id,
        month,
        '{{ metric }}' as metric,
        reported_at,
        cast({{ metric }}_was as decimal(38, 9)) as was,
        cast({{ metric }}_now as decimal(38, 9)) as now,
        cast({{ metric }}_last as decimal(38, 9)) as change_last
    from with_ratios
    union all
    {%- endfor %}
    {%- for metric in ratios %}
    select
        company_id,
        month,
        '{{ metric }}',
        reported_at,
        cast({{ metric }}_was as decimal(38, 9)),
        cast({{ metric }}_now as decimal(38, 9)),
        cast(coalesce({{ metric }}_now, 0) - coalesce({{ metric }}_before, 0) as decimal(38, 9))
    from with_ratios
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    company_id,
    month,
    metric,
    reported_at,
    was,
    now,
    cast(coalesce(now, 0) - coalesce(was, 0) as decimal(38, 9)) as change,
    change_last as change_at_last_sync
from long
where was is distinct from now
