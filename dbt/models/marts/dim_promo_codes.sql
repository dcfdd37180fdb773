with promo_codes as (
    select
        promo_code_id,
        company_id,
        product_id,
        code,
        status,
        promo_type,
        currency,
        amount_off,
        duration,
        promo_duration_months,
        uses,
        created_at,
        expires_at
    from {{ ref('stg_whop__promo_codes') }}
),

money as (
    select
        promo_code_id,
        sum(payments_count) as payments_count,
        count(distinct case when payments_count > 0 then member_id end) as members_count,
        sum(gross_usd) as gross_usd,
        sum(refunded_usd) as refunded_usd
    from {{ ref('int_money_events') }}
    where promo_code_id is not null
    group by promo_code_id
),

subscriptions as (
    select
        promo_code_id,
        count(*) as subscriptions_count,
        count(case when is_active then 1 end) as subscriptions_active,
        sum(mrr_usd) as mrr_usd,
        sum(lifetime_net_usd) as net_usd
    from {{ ref('fct_subscriptions') }}
    group by promo_code_id
)

select
    promo_codes.promo_code_id,
    promo_codes.company_id,
    promo_codes.product_id,
    promo_codes.code,
    promo_codes.status,
    promo_codes.promo_type,
    promo_codes.currency,
    promo_codes.amount_off,
    promo_codes.duration,
    promo_codes.promo_duration_months,
    promo_codes.uses as whop_uses,
    promo_codes.created_at,
    promo_codes.expires_at,
    cast(coalesce(money.payments_count, 0) as bigint) as payments_count,
    cast(coalesce(money.members_count, 0) as bigint) as members_count,
    cast(coalesce(money.gross_usd, 0) as decimal(38, 9)) as gross_usd,
    cast(coalesce(money.refunded_usd, 0) as decimal(38, 9)) as refunded_usd,
    cast(coalesce(subscriptions.subscriptions_count, 0) as bigint) as subscriptions_count,
    cast(coalesce(subscriptions.subscriptions_active, 0) as bigint) as subscriptions_active,
    cast(coalesce(subscriptions.mrr_usd, 0) as decimal(38, 6)) as subscriptions_mrr_usd,
    cast(coalesce(subscriptions.net_usd, 0) as decimal(38, 9)) as subscriptions_net_usd
from promo_codes
left join money on promo_codes.promo_code_id = money.promo_code_id
left join subscriptions on promo_codes.promo_code_id = subscriptions.promo_code_id
