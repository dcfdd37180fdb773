-- Who is about to leave? Members whose next renewal has something against it: first the canceled ones whose time still
-- runs, by when it ends, then those who are not paid, paused, or whose card expires, the largest first.
select
    risk.company_id,
    risk.member_id,
    contacts.name,
    contacts.email,
    risk.main_cause as cause,
    risk.mrr_usd,
    risk.at_risk_since as since,
    risk.next_renewal_at as due_or_ends_at,
    risk.last_paid_at,
    risk.next_attempt_at,
    risk.unpaid_usd,
    risk.latest_failure
from {{ ref('members_at_risk') }} as risk
left join {{ ref('member_contacts') }} as contacts
    on risk.company_id = contacts.company_id
    and risk.member_id = contacts.member_id
order by
    risk.company_id,
    case when risk.main_cause = 'canceled' then 0 else 1 end,
    case when risk.main_cause = 'canceled' then risk.next_renewal_at end,
    risk.mrr_usd desc,
    risk.member_id
