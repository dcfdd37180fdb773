with numbers as (
    select company_id, metric, month, day, value
    from {{ ref('int_whop_numbers') }}
    where source_currency is null
),

-- Whop leaves out months in which nothing happened.
spans as (
    select company_id, min(month) as first_month
    from numbers
    group by company_id
),

metrics as (
    select distinct company_id, metric
    from numbers
),

months as (
    select
        metrics.company_id,
        metrics.metric,
        {{ each('month', 'spans.first_month', 'as_of.as_of_date') }} as month
    from metrics
    inner join spans on metrics.company_id = spans.company_id
    inner join {{ ref('int_as_of') }} as as_of on metrics.company_id = as_of.company_id
),

ours as (
    {%- for metric, ours in {
        'gross_revenue': 'gross_usd', 'total_refunded': 'refunded_usd', 'fees': 'fees_usd', 'net_revenue': 'net_usd',
        'disputes': 'disputes', 'churn_rate': divide('100 * customers_lost', 'customers_start', 9)
    }.items() %}
    select company_id, month, '{{ metric }}' as metric, cast({{ ours }} as decimal(38, 9)) as value
    from {{ ref('metrics_monthly') }}
    union all
    {%- endfor %}
    {%- for metric, times in {'monthly_recurring_revenue': 1, 'annual_recurring_revenue': 12}.items() %}
    select numbers.company_id, numbers.month, numbers.metric, cast({{ times }} * mrr_daily.mrr_usd as decimal(38, 9))
    from numbers
    inner join {{ ref('mrr_daily') }} as mrr_daily
        on numbers.company_id = mrr_daily.company_id
        and numbers.day = mrr_daily.date
    where numbers.metric = '{{ metric }}'
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}
),

rules as (
    select
        company_id,
        month,
        metric,
        {%- for rule in comparison_rules() %}
        sum(case when rule = '{{ rule }}' then amount else 0 end) as {{ rule }},
        {%- endfor %}
        sum(amount) as explained
    from {{ ref('int_comparison_parts') }}
    group by company_id, month, metric
),

compared as (
    select
        months.company_id,
        months.month,
        months.metric,
        numbers.day,
        coalesce(numbers.value, 0) as whop_value,
        coalesce(ours.value, 0) as our_value,
        {%- for rule in comparison_rules() %}
        coalesce(rules.{{ rule }}, 0) as {{ rule }},
        {%- endfor %}
        coalesce(rules.explained, 0) as explained
    from months
    left join numbers
        on months.company_id = numbers.company_id
        and months.metric = numbers.metric
        and months.month = numbers.month
    left join ours
        on months.company_id = ours.company_id
        and months.metric = ours.metric
        and months.month = ours.month
    left join rules
        on months.company_id = rules.company_id
        and months.metric = rules.metric
        and months.month = rules.month
    where
        numbers.metric is not null
        or months.metric in (
            {%- for metric, (unit, kind) in compared_metrics().items() if kind == 'flow' %}
            '{{ metric }}'{{ ',' if not loop.last }}
            {%- endfor %}
        )
)

select
    company_id,
    month,
    metric,
    case metric
        {%- for metric, (unit, kind) in compared_metrics().items() %}
        when '{{ metric }}' then '{{ unit }}'
        {%- endfor %}
    end as unit,
    case
        when metric in (
            {%- for metric, (unit, kind) in compared_metrics().items() if kind == 'level' %}
            '{{ metric }}'{{ ',' if not loop.last }}
            {%- endfor %}
        )
            then day
    end as measured_on,
    cast(whop_value as decimal(38, 9)) as whop_value,
    cast(our_value as decimal(38, 9)) as our_value,
    cast(whop_value - our_value as decimal(38, 9)) as difference,
    {%- for rule in comparison_rules() %}
    cast({{ rule }} as decimal(38, 9)) as {{ rule }}_difference,
    {%- endfor %}
    cast(whop_value - our_value - explained as decimal(38, 9)) as unexplained_difference
from compared
