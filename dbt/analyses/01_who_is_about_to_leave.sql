-- Who is about to leave? Paying subscriptions that are cancelled for the end of the period, or whose charge
-- failed and was not recovered, the largest first.
with unpaid as (
    select membership_id, sum(amount_usd) as unpaid_usd, max(failure_message) as a_failure
    from {{ ref('fct_payments') }}
    where is_failed and not is_paid
    group by membership_id
)

select
    subscriptions.company_id,
    members.name,
    members.email,
    plans.title as plan,
    subscriptions.mrr_usd,
    subscriptions.status,
    subscriptions.renewal_period_end,
    unpaid.unpaid_usd,
    unpaid.a_failure
from {{ ref('fct_subscriptions') }} as subscriptions
left join {{ ref('dim_members') }} as members on subscriptions.member_id = members.member_id
left join {{ ref('dim_plans') }} as plans on subscriptions.plan_id = plans.plan_id
left join unpaid on subscriptions.membership_id = unpaid.membership_id
where
    subscriptions.mrr_usd > 0
    and (
        subscriptions.cancel_at_period_end
        or subscriptions.status in ('canceling', 'past_due', 'unresolved')
    )
order by subscriptions.mrr_usd desc
