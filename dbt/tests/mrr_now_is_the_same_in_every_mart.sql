with now as (
    select daily.company_id, daily.mrr_usd, daily.customers
    from {{ ref('mrr_daily') }} as daily
    inner join {{ ref('int_as_of') }} as as_of
        on daily.company_id = as_of.company_id
        and daily.date = as_of.as_of_date
),

members as (
    select company_id, sum(mrr_usd) as mrr_usd, count(case when is_customer then 1 end) as customers
    from {{ ref('dim_members') }}
    group by company_id
),

subscriptions as (
    select company_id, sum(mrr_usd) as mrr_usd
    from {{ ref('fct_subscriptions') }}
    group by company_id
),

cohorts as (
    select
        company_id,
        sum(mrr_retained_usd) as mrr_usd,
        sum(customers_retained) as customers
    from {{ ref('cohort_retention_monthly') }} as cohorts
    where month = (
        select max(latest.month)
        from {{ ref('cohort_retention_monthly') }} as latest
        where latest.company_id = cohorts.company_id
    )
    group by company_id
)

select now.company_id, now.mrr_usd
from now
left join members on now.company_id = members.company_id
left join subscriptions on now.company_id = subscriptions.company_id
left join cohorts on now.company_id = cohorts.company_id
where
    now.mrr_usd is distinct from members.mrr_usd
    or now.customers is distinct from members.customers
    or now.mrr_usd is distinct from subscriptions.mrr_usd
    or now.mrr_usd is distinct from cohorts.mrr_usd
    or now.customers is distinct from cohorts.customers
