-- Who are the best members? The hundred that brought in most, and whether they are still there.
select
    members.company_id,
    contacts.name,
    contacts.email,
    members.customer_since,
    members.lifetime_net_usd,
    members.mrr_usd,
    members.is_customer,
    members.churned_on
from {{ ref('dim_members') }} as members
left join {{ ref('member_contacts') }} as contacts on members.member_id = contacts.member_id
order by members.lifetime_net_usd desc
limit 100
