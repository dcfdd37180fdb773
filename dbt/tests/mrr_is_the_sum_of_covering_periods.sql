-- The definition itself, on the last day of every month: what the periods that cover it add up to.
with month_ends as (
    select
        monthly.company_id,
        least({{ last_day_of('monthly.month') }}, as_of.as_of_date) as date,
        as_of.as_of,
        monthly.mrr_end_usd
    from {{ ref('mrr_monthly') }} as monthly
    inner join {{ ref('int_as_of') }} as as_of on monthly.company_id = as_of.company_id
),

periods as (
    select
        company_id,
        period_end,
        mrr_usd,
        {{ local_date('period_start') }} as first_day,
        {{ local_date('period_end') }} as first_day_after
    from {{ ref('fct_subscription_periods') }}
),

covered as (
    select
        month_ends.company_id,
        month_ends.date,
        month_ends.mrr_end_usd,
        sum(periods.mrr_usd) as periods_usd
    from month_ends
    left join periods
        on month_ends.company_id = periods.company_id
        and month_ends.date >= periods.first_day
        and (
            periods.first_day_after is null
            or month_ends.date < periods.first_day_after
            or periods.period_end > month_ends.as_of
        )
    group by month_ends.company_id, month_ends.date, month_ends.mrr_end_usd
)

select company_id, date, mrr_end_usd, periods_usd
from covered
where mrr_end_usd <> coalesce(periods_usd, 0)
