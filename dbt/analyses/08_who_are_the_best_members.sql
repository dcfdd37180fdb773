-- Who is worth most? The hundred members that brought in most, and whether they are still there.
with ranked as (
    select
        members.company_id,
        members.member_id,
        members.customer_since,
        members.lifetime_net_usd,
        members.mrr_usd,
        members.is_customer,
        members.churned_on,
        row_number() over (
            partition by members.company_id order by members.lifetime_net_usd desc, members.member_id
        ) as place
    from {{ ref('dim_members') }} as members
)

select
    ranked.company_id,
    ranked.member_id,
    contacts.name,
    contacts.email,
    ranked.customer_since,
    ranked.lifetime_net_usd,
    ranked.mrr_usd,
    ranked.is_customer,
    ranked.churned_on
from ranked
left join {{ ref('member_contacts') }} as contacts
    on ranked.company_id = contacts.company_id
    and ranked.member_id = contacts.member_id
where ranked.place <= 100
order by ranked.company_id, ranked.place
