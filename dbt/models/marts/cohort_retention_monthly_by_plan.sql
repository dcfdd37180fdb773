-- The plan of a cohort is the one its members began on: of several on one day the dearest.
with first_plans as (
    select
        movements.company_id,
        movements.member_id,
        {{ month_of('movements.movement_date') }} as cohort_month,
        changes.plan_id,
        row_number() over (
            partition by movements.member_id, movements.company_id
            order by changes.change_usd desc, {{ by_bytes('changes.membership_id') }}
        ) as place
    from {{ ref('mrr_movements') }} as movements
    inner join {{ ref('int_mrr_changes') }} as changes
        on movements.company_id = changes.company_id
        and movements.member_id = changes.member_id
        and movements.movement_date = changes.change_date
    where movements.movement_type = 'new'
),

first_movements as (
    select company_id, member_id, cohort_month, plan_id
    from first_plans
    where place = 1
),

cohorts as (
    select company_id, plan_id, cohort_month, count(*) as customers_in_cohort
    from first_movements
    group by company_id, plan_id, cohort_month
),

mrr_changes as (
    select
        first_movements.company_id,
        first_movements.plan_id,
        first_movements.cohort_month,
        {{ month_of('movements.movement_date') }} as month,
        sum(movements.mrr_change_usd) as mrr_change_usd,
        count(case when movements.movement_type in ('new', 'reactivation') then 1 end)
        - count(case when movements.movement_type = 'churn' then 1 end) as customers_change,
        cast(0 as decimal(38, 9)) as net_usd
    from {{ ref('mrr_movements') }} as movements
    inner join first_movements
        on movements.company_id = first_movements.company_id
        and movements.member_id = first_movements.member_id
    group by
        first_movements.company_id,
        first_movements.plan_id,
        first_movements.cohort_month,
        {{ month_of('movements.movement_date') }}
),

net_revenue as (
    select
        first_movements.company_id,
        first_movements.plan_id,
        first_movements.cohort_month,
        {{ month_of('events.event_date') }} as month,
        0 as mrr_change_usd,
        0 as customers_change,
        sum(events.net_usd) as net_usd
    from {{ ref('int_money_events') }} as events
    inner join first_movements
        on events.company_id = first_movements.company_id
        and events.member_id = first_movements.member_id
    group by
        first_movements.company_id,
        first_movements.plan_id,
        first_movements.cohort_month,
        {{ month_of('events.event_date') }}
),

changes as (
    select company_id, plan_id, cohort_month, month, mrr_change_usd, customers_change, net_usd
    from mrr_changes
    union all
    select company_id, plan_id, cohort_month, month, mrr_change_usd, customers_change, net_usd
    from net_revenue
),

months as (
    select
        cohorts.company_id,
        cohorts.plan_id,
        cohorts.cohort_month,
        cohorts.customers_in_cohort,
        {{ each('month', 'cohorts.cohort_month', 'as_of.as_of_date') }} as month
    from cohorts
    inner join {{ ref('int_as_of') }} as as_of on cohorts.company_id = as_of.company_id
),

-- To date: what a member bought before their first subscription is in the first month of the cohort.
to_date_totals as (
    select
        months.company_id,
        months.plan_id,
        months.cohort_month,
        months.month,
        months.customers_in_cohort,
        sum(changes.customers_change) as customers_retained,
        sum(changes.mrr_change_usd) as mrr_retained_usd,
        sum(changes.net_usd) as cumulative_net_usd
    from months
    inner join changes
        on months.company_id = changes.company_id
        and months.plan_id = changes.plan_id
        and months.cohort_month = changes.cohort_month
        and months.month >= changes.month
    group by
        months.company_id,
        months.plan_id,
        months.cohort_month,
        months.month,
        months.customers_in_cohort
)

select
    company_id,
    plan_id,
    cohort_month,
    cast({{ dbt.datediff('cohort_month', 'month', 'month') }} as bigint) as months_since,
    month,
    customers_in_cohort,
    cast(customers_retained as bigint) as customers_retained,
    {{ divide('customers_retained', 'customers_in_cohort', 9) }} as retention_rate,
    cast(mrr_retained_usd as decimal(38, 6)) as mrr_retained_usd,
    cast(cumulative_net_usd as decimal(38, 9)) as cumulative_net_usd
from to_date_totals
