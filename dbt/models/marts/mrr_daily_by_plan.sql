-- A period always has a plan; its product may be unknown.
with on_a_day as (
    select
        company_id,
        member_id,
        product_id,
        plan_id,
        change_date,
        sum(change_usd) as change_usd
    from {{ ref('int_mrr_changes') }}
    group by company_id, member_id, product_id, plan_id, change_date
    having sum(change_usd) <> 0
),

member_changes as (
    select
        company_id,
        product_id,
        plan_id,
        change_date,
        change_usd,
        sum(change_usd) over (
            partition by member_id, plan_id, product_id, company_id order by change_date
            rows between unbounded preceding and current row
        ) as mrr_after_usd
    from on_a_day
),

changes as (
    select
        company_id,
        product_id,
        plan_id,
        change_date as date,
        sum(change_usd) as mrr_change_usd,
        count(case when mrr_after_usd = change_usd then 1 end)
        - count(case when mrr_after_usd = 0 then 1 end) as customers_change
    from member_changes
    group by company_id, product_id, plan_id, change_date
),

first_days as (
    select company_id, product_id, plan_id, min(date) as first_day
    from changes
    group by company_id, product_id, plan_id
),

days as (
    select
        first_days.company_id,
        first_days.product_id,
        first_days.plan_id,
        {{ each('day', 'first_days.first_day', 'as_of.as_of_date') }} as date
    from first_days
    inner join {{ ref('int_as_of') }} as as_of on first_days.company_id = as_of.company_id
)

select
    days.company_id,
    days.date,
    days.product_id,
    days.plan_id,
    cast(
        sum(coalesce(changes.mrr_change_usd, 0)) over (
            partition by days.company_id, days.product_id, days.plan_id order by days.date
            rows between unbounded preceding and current row
        ) as decimal(38, 6)
    ) as mrr_usd,
    cast(
        sum(coalesce(changes.customers_change, 0)) over (
            partition by days.company_id, days.product_id, days.plan_id order by days.date
            rows between unbounded preceding and current row
        ) as bigint
    ) as customers
from days
left join changes
    on days.company_id = changes.company_id
    and days.plan_id = changes.plan_id
    and coalesce(days.product_id, '') = coalesce(changes.product_id, '')
    and days.date = changes.date
