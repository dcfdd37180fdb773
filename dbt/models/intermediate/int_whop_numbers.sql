-- What Whop says of each month: of what is measured by the day, the last day that Whop has a value for.
with points as (
    select
        stats.company_id,
        stats.metric,
        stats.source_currency,
        stats.value,
        {{ utc_date('stats.period_started_at') }} as day
    from {{ ref('stg_whop__stats') }} as stats
    inner join {{ ref('int_as_of') }} as as_of on stats.company_id = as_of.company_id
    where
        stats.period_started_at <= as_of.as_of
        and {{ utc_date('stats.period_started_at') }} <= as_of.as_of_date
),

last_days as (
    select
        company_id,
        metric,
        {{ month_of('day') }} as month,
        max(day) as day
    from points
    where source_currency is null
    group by company_id, metric, {{ month_of('day') }}
)

select
    points.company_id,
    points.metric,
    last_days.month,
    points.day,
    points.source_currency,
    cast(points.value as decimal(38, 9)) as value
from points
inner join last_days
    on points.company_id = last_days.company_id
    and points.metric = last_days.metric
    and points.day = last_days.day
