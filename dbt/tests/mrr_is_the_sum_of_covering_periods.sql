-- The definition itself, on the last day of every month and on every tenth day: what the periods that cover it add
-- up to. Periods of the same days are added up first, so that a day meets thousands of rows, not millions.
with days as (
    select daily.company_id, daily.date, daily.mrr_usd
    from {{ ref('mrr_daily') }} as daily
    inner join {{ ref('int_as_of') }} as as_of on daily.company_id = as_of.company_id
    where
        daily.date = {{ last_day_of(month_of('daily.date')) }}
        or daily.date = as_of.as_of_date
        or {{ days_between("date '2000-01-01'", 'daily.date') }} % 10 = 0
),

periods as (
    select
        periods.company_id,
        periods.mrr_usd,
        {{ local_date('periods.period_start') }} as first_day,
        -- An end that is still to come has not happened yet.
        case
            when periods.period_end <= as_of.as_of then {{ local_date('periods.period_end') }}
        end as first_day_after
    from {{ ref('fct_subscription_periods') }} as periods
    inner join {{ ref('int_as_of') }} as as_of on periods.company_id = as_of.company_id
),

of_the_same_days as (
    select company_id, first_day, first_day_after, sum(mrr_usd) as mrr_usd
    from periods
    group by company_id, first_day, first_day_after
),

covered as (
    select
        days.company_id,
        days.date,
        days.mrr_usd,
        sum(periods.mrr_usd) as periods_usd
    from days
    left join of_the_same_days as periods
        on days.company_id = periods.company_id
        and days.date >= periods.first_day
        and (periods.first_day_after is null or days.date < periods.first_day_after)
    group by days.company_id, days.date, days.mrr_usd
)

select company_id, date, mrr_usd, periods_usd
from covered
where mrr_usd <> coalesce(periods_usd, 0)
