-- Who is about to leave? Subscriptions with MRR that are cancelled for the end of the period, paused, or due and
-- not paid, the largest first; with what is unpaid since the last period began, and why the
-- latest of those charges failed.
with last_periods as (
    select membership_id, max(period_start) as period_start
    from {{ ref('fct_subscription_periods') }}
    group by membership_id
),

unpaid_charges as (
    select
        payments.membership_id,
        payments.amount_usd,
        payments.failure_message,
        row_number() over (
            partition by payments.membership_id order by payments.created_at desc, payments.payment_id
        ) as place_from_last
    from {{ ref('fct_payments') }} as payments
    inner join last_periods on payments.membership_id = last_periods.membership_id
    where payments.is_failed and not payments.is_paid and payments.created_at > last_periods.period_start
),

unpaid as (
    select
        membership_id,
        sum(amount_usd) as unpaid_usd,
        max(case when place_from_last = 1 then failure_message end) as latest_failure
    from unpaid_charges
    group by membership_id
)

select
    subscriptions.company_id,
    contacts.name,
    contacts.email,
    plans.title as plan,
    subscriptions.mrr_usd,
    subscriptions.status,
    subscriptions.paid_until,
    subscriptions.is_paused,
    subscriptions.is_unpaid,
    unpaid.unpaid_usd,
    unpaid.latest_failure
from {{ ref('fct_subscriptions') }} as subscriptions
left join {{ ref('member_contacts') }} as contacts on subscriptions.member_id = contacts.member_id
left join {{ ref('dim_plans') }} as plans on subscriptions.plan_id = plans.plan_id
left join unpaid on subscriptions.membership_id = unpaid.membership_id
where
    subscriptions.mrr_usd > 0
    and (
        subscriptions.cancel_at_period_end
        or subscriptions.is_paused
        or subscriptions.is_unpaid
        or subscriptions.status in {{ ending_statuses() }}
    )
order by subscriptions.mrr_usd desc
