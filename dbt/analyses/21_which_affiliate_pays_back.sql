-- Which affiliate pays back? What the members brought whom an affiliate referred, and what was paid for it; beside it
-- what Whop itself counts, which is all there is on the Legacy surface.
select
    company_id,
    affiliate_id,
    subscriptions_count,
    subscriptions_active,
    subscriptions_mrr_usd,
    net_usd,
    commission_usd,
    payback,
    whop_referrals,
    whop_revenue_usd,
    whop_earnings_usd
from {{ ref('affiliate_results') }}
order by company_id, net_usd desc, whop_revenue_usd desc, affiliate_id
