with products as (
    select *
    from {{ ref('stg_whop__products') }}
),

-- A member on two plans of a product is one customer of it, so customers are counted here.
member_mrr as (
    select product_id, member_id, sum(change_usd) as mrr_usd
    from {{ ref('int_mrr_changes') }}
    group by product_id, member_id
),

mrr as (
    select
        product_id,
        sum(mrr_usd) as mrr_usd,
        count(case when mrr_usd > 0 then 1 end) as customers
    from member_mrr
    group by product_id
),

money as (
    select
        product_id,
        sum(gross_usd) as gross_usd,
        sum(refunded_usd) as refunded_usd,
        sum(net_usd) as net_usd
    from {{ ref('int_money_events') }}
    group by product_id
)

select
    products.product_id,
    products.company_id,
    products.title,
    products.route,
    products.visibility,
    products.created_at,
    cast(coalesce(mrr.mrr_usd, 0) as decimal(38, 6)) as mrr_usd,
    cast(coalesce(mrr.customers, 0) as bigint) as customers,
    cast(coalesce(money.gross_usd, 0) as decimal(38, 9)) as gross_usd,
    cast(coalesce(money.refunded_usd, 0) as decimal(38, 9)) as refunded_usd,
    cast(coalesce(money.net_usd, 0) as decimal(38, 9)) as net_usd
from products
left join mrr on products.product_id = mrr.product_id
left join money on products.product_id = money.product_id
