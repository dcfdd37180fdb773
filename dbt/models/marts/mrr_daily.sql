with movements as (
    select
        company_id,
        movement_date as date,
        sum(mrr_change_usd) as mrr_change_usd,
        count(case when movement_type in ('new', 'reactivation') then 1 end)
        - count(case when movement_type = 'churn' then 1 end) as customers_change
    from {{ ref('mrr_movements') }}
    group by company_id, movement_date
),

first_days as (
    select company_id, min(date) as first_day
    from movements
    group by company_id
),

days as (
    select
        first_days.company_id,
        {{ each('day', 'first_days.first_day', 'as_of.as_of_date') }} as date
    from first_days
    inner join {{ ref('int_as_of') }} as as_of on first_days.company_id = as_of.company_id
)

select
    days.company_id,
    days.date,
    cast(
        sum(coalesce(movements.mrr_change_usd, 0)) over (
            partition by days.company_id order by days.date
            rows between unbounded preceding and current row
        ) as decimal(38, 6)
    ) as mrr_usd,
    cast(
        sum(coalesce(movements.customers_change, 0)) over (
            partition by days.company_id order by days.date
            rows between unbounded preceding and current row
        ) as bigint
    ) as customers
from days
left join movements
    on days.company_id = movements.company_id
    and days.date = movements.date
