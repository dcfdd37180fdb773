with movements as (
    select
        company_id,
        movement_date as date,
        sum(mrr_change_usd) as mrr_change_usd
    from {{ ref('mrr_movements') }}
    group by company_id, movement_date
),

added_up as (
    select
        daily.company_id,
        daily.date,
        daily.mrr_usd,
        sum(coalesce(movements.mrr_change_usd, 0)) over (
            partition by daily.company_id order by daily.date
            rows between unbounded preceding and current row
        ) as movements_usd
    from {{ ref('mrr_daily') }} as daily
    left join movements on daily.company_id = movements.company_id and daily.date = movements.date
),

by_plan as (
    select company_id, date, sum(mrr_usd) as plans_usd
    from {{ ref('mrr_daily_by_plan') }}
    group by company_id, date
)

select
    added_up.company_id,
    added_up.date,
    added_up.mrr_usd,
    added_up.movements_usd,
    by_plan.plans_usd
from added_up
left join by_plan on added_up.company_id = by_plan.company_id and added_up.date = by_plan.date
where
    added_up.mrr_usd <> added_up.movements_usd
    or added_up.mrr_usd is distinct from by_plan.plans_usd
