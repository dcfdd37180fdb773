-- From the first movement to as_of, no day is missing.
with first_days as (
    select company_id, min(movement_date) as first_day
    from {{ ref('mrr_movements') }}
    group by company_id
),

daily as (
    select company_id, min(date) as first_date, max(date) as last_date, count(*) as days
    from {{ ref('mrr_daily') }}
    group by company_id
)

select first_days.company_id, daily.first_date, daily.last_date, daily.days
from first_days
inner join {{ ref('int_as_of') }} as as_of on first_days.company_id = as_of.company_id
left join daily on first_days.company_id = daily.company_id
where
    daily.first_date is distinct from first_days.first_day
    or daily.last_date is distinct from as_of.as_of_date
    or daily.days is distinct from {{ days_between('first_days.first_day', 'as_of.as_of_date') }} + 1
