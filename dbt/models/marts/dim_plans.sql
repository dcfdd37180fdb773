-- Also plans that Whop no longer lists, whatever include_deleted says: their payments are in the other marts.
with plans as (
    select
        plan_id,
        company_id,
        product_id,
        title,
        plan_type,
        visibility,
        currency,
        initial_price,
        renewal_price,
        billing_period_days,
        trial_period_days,
        created_at,
        deleted_at is null as is_listed
    from {{ ref('base_whop__plans') }}
),

products as (
    select product_id, title
    from {{ ref('base_whop__products') }}
),

mrr as (
    select
        daily.plan_id,
        sum(daily.mrr_usd) as mrr_usd,
        sum(daily.customers) as customers
    from {{ ref('mrr_daily_by_plan') }} as daily
    inner join {{ ref('int_as_of') }} as as_of
        on daily.company_id = as_of.company_id and daily.date = as_of.as_of_date
    group by daily.plan_id
),

money as (
    select
        plan_id,
        sum(gross_usd) as gross_usd,
        sum(refunded_usd) as refunded_usd,
        sum(charged_back_usd) as charged_back_usd,
        sum(net_usd) as net_usd
    from {{ ref('int_money_events') }}
    group by plan_id
)

select
    plans.plan_id,
    plans.company_id,
    plans.product_id,
    plans.title,
    products.title as product_title,
    plans.plan_type,
    plans.visibility,
    plans.currency,
    plans.initial_price,
    plans.renewal_price,
    plans.billing_period_days,
    plans.trial_period_days,
    plans.created_at,
    plans.is_listed,
    cast(coalesce(mrr.mrr_usd, 0) as decimal(38, 6)) as mrr_usd,
    cast(coalesce(mrr.customers, 0) as bigint) as customers,
    cast(coalesce(money.gross_usd, 0) as decimal(38, 9)) as gross_usd,
    cast(coalesce(money.refunded_usd, 0) as decimal(38, 9)) as refunded_usd,
    cast(coalesce(money.charged_back_usd, 0) as decimal(38, 9)) as charged_back_usd,
    cast(coalesce(money.net_usd, 0) as decimal(38, 9)) as net_usd
from plans
left join products on plans.product_id = products.product_id
left join mrr on plans.plan_id = mrr.plan_id
left join money on plans.plan_id = money.plan_id
