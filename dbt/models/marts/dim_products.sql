-- Also products that Whop no longer lists, whatever include_deleted says: their payments are in the other marts.
with products as (
    select
        product_id,
        company_id,
        title,
        route,
        visibility,
        created_at,
        deleted_at is null as is_listed
    from {{ ref('base_whop__products') }}
),

-- And those that were gone before the first sync, known only from a plan or a payment.
mentioned as (
    select product_id, company_id
    from {{ ref('base_whop__plans') }}
    union
    select product_id, company_id
    from {{ ref('int_payments') }}
),

only_mentioned as (
    select mentioned.product_id, min(mentioned.company_id) as company_id
    from mentioned
    left join products on mentioned.product_id = products.product_id
    where mentioned.product_id is not null and products.product_id is null
    group by mentioned.product_id
),

known as (
    select product_id, company_id
    from products
    union all
    select product_id, company_id
    from only_mentioned
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
        sum(charged_back_usd) as charged_back_usd,
        sum(net_usd) as net_usd
    from {{ ref('int_money_events') }}
    group by product_id
)

select
    known.product_id,
    known.company_id,
    products.title,
    products.route,
    products.visibility,
    products.created_at,
    coalesce(products.is_listed, false) as is_listed,
    cast(coalesce(mrr.mrr_usd, 0) as decimal(38, 6)) as mrr_usd,
    cast(coalesce(mrr.customers, 0) as bigint) as customers,
    cast(coalesce(money.gross_usd, 0) as decimal(38, 9)) as gross_usd,
    cast(coalesce(money.refunded_usd, 0) as decimal(38, 9)) as refunded_usd,
    cast(coalesce(money.charged_back_usd, 0) as decimal(38, 9)) as charged_back_usd,
    cast(coalesce(money.net_usd, 0) as decimal(38, 9)) as net_usd
from known
left join products on known.product_id = products.product_id
left join mrr on known.product_id = mrr.product_id
left join money on known.product_id = money.product_id
