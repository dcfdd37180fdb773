-- Which plans bring the money? MRR and customers now, and what each brought so far after refunds, lost disputes and
-- known fees.
select
    company_id,
    product_title as product,
    title as plan,
    is_listed,
    renewal_price,
    currency,
    billing_period_days,
    customers,
    mrr_usd,
    net_usd
from {{ ref('dim_plans') }}
where mrr_usd <> 0 or gross_usd <> 0
order by company_id, mrr_usd desc, net_usd desc, plan_id
