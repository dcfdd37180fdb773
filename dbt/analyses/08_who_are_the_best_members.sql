-- Who are the best members? The hundred that brought in most, and whether they are still there.
select
    company_id,
    name,
    email,
    customer_since,
    lifetime_net_usd,
    mrr_usd,
    is_customer,
    churned_on
from {{ ref('dim_members') }}
order by lifetime_net_usd desc
limit 100
