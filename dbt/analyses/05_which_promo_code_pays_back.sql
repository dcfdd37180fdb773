-- Which promo code pays back? What a subscription that began with it has brought in, next to one without.
with without_code as (
    select company_id, avg(lifetime_net_usd) as net_per_subscription_usd
    from {{ ref('fct_subscriptions') }}
    where promo_code_id is null
    group by company_id
)

select
    promo_codes.company_id,
    promo_codes.code,
    promo_codes.subscriptions_count,
    promo_codes.subscriptions_active,
    promo_codes.subscriptions_mrr_usd,
    promo_codes.subscriptions_net_usd,
    round(promo_codes.subscriptions_net_usd / promo_codes.subscriptions_count, 2) as net_per_subscription_usd,
    round(without_code.net_per_subscription_usd, 2) as net_without_code_usd
from {{ ref('dim_promo_codes') }} as promo_codes
left join without_code on promo_codes.company_id = without_code.company_id
where promo_codes.subscriptions_count > 0
order by promo_codes.subscriptions_net_usd desc
