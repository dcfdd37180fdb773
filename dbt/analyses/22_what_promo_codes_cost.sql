-- What do promo codes cost, and what came after? The discount that was given, beside what the subscriptions that began
-- with the code have brought so far.
select
    results.company_id,
    coalesce(codes.code, results.promo_code_id) as code,
    results.payments_count,
    results.members_count,
    results.discount_usd,
    results.net_usd,
    results.subscriptions_count,
    results.subscriptions_active,
    results.subscriptions_mrr_usd,
    results.subscriptions_net_usd
from {{ ref('promo_code_results') }} as results
left join {{ ref('dim_promo_codes') }} as codes on results.promo_code_id = codes.promo_code_id
order by results.company_id, results.discount_usd desc, results.promo_code_id
