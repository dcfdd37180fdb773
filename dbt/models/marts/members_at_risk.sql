with at_risk as (
    select
        renewals.membership_id,
        renewals.company_id,
        renewals.member_id,
        renewals.mrr_usd,
        renewals.next_renewal_at,
        renewals.card_expires_on,
        subscriptions.canceled_at,
        renewals.risk = 'canceled' as is_canceled,
        subscriptions.is_paused,
        subscriptions.is_unpaid,
        coalesce(renewals.card_expires_on <= renewals.next_renewal_date, false) as card_expires
    from {{ ref('upcoming_renewals') }} as renewals
    inner join {{ ref('fct_subscriptions') }} as subscriptions on renewals.membership_id = subscriptions.membership_id
    where renewals.risk is not null
    union all
    -- What is completed is not renewed either, and its time still runs.
    select
        subscriptions.membership_id,
        subscriptions.company_id,
        subscriptions.member_id,
        subscriptions.mrr_usd,
        subscriptions.paid_until,
        null,
        subscriptions.canceled_at,
        true,
        subscriptions.is_paused,
        subscriptions.is_unpaid,
        false
    from {{ ref('fct_subscriptions') }} as subscriptions
    left join {{ ref('upcoming_renewals') }} as renewals on subscriptions.membership_id = renewals.membership_id
    where
        subscriptions.mrr_usd > 0
        and subscriptions.status in ('completed', 'expired', 'drafted')
        and renewals.membership_id is null
),

last_periods as (
    select membership_id, max(period_start) as period_start
    from {{ ref('fct_subscription_periods') }}
    group by membership_id
),

-- Charges since the last period began that nobody has paid.
unpaid_charges as (
    select
        at_risk.company_id,
        at_risk.member_id,
        payments.amount_usd,
        payments.created_at,
        coalesce(staged.decline_code, payments.failure_message) as failure,
        staged.next_attempt_at,
        row_number() over (
            partition by at_risk.company_id, at_risk.member_id
            order by payments.created_at desc, {{ by_bytes('payments.payment_id') }}
        ) as place_from_last
    from at_risk
    inner join last_periods on at_risk.membership_id = last_periods.membership_id
    inner join {{ ref('fct_payments') }} as payments on at_risk.membership_id = payments.membership_id
    inner join {{ ref('stg_whop__payments') }} as staged on payments.payment_id = staged.payment_id
    where payments.is_failed and not payments.is_paid and payments.created_at > last_periods.period_start
),

unpaid as (
    select
        company_id,
        member_id,
        sum(amount_usd) as unpaid_usd,
        min(next_attempt_at) as next_attempt_at,
        max(case when place_from_last = 1 then failure end) as latest_failure
    from unpaid_charges
    group by company_id, member_id
),

last_payments as (
    select company_id, member_id, max(paid_at) as last_paid_at
    from {{ ref('fct_payments') }}
    where is_paid and gross_usd > 0
    group by company_id, member_id
),

members as (
    select
        company_id,
        member_id,
        count(*) as subscriptions,
        sum(mrr_usd) as mrr_usd,
        count(case when is_canceled then 1 end) > 0 as is_canceled,
        count(case when is_unpaid then 1 end) > 0 as is_unpaid,
        count(case when is_paused then 1 end) > 0 as is_paused,
        count(case when card_expires then 1 end) > 0 as card_expires,
        min(case when is_canceled then canceled_at when is_unpaid then next_renewal_at end) as at_risk_since,
        min(next_renewal_at) as next_renewal_at,
        min(case when card_expires then card_expires_on end) as card_expires_on
    from at_risk
    group by company_id, member_id
)

select
    members.company_id,
    members.member_id,
    members.subscriptions,
    cast(members.mrr_usd as decimal(38, 6)) as mrr_usd,
    case
        when members.is_canceled then 'canceled'
        when members.is_paused then 'paused'
        when members.is_unpaid then 'unpaid'
        else 'card_expires'
    end as main_cause,
    members.is_canceled,
    members.is_unpaid,
    members.is_paused,
    members.card_expires,
    members.at_risk_since,
    members.next_renewal_at,
    members.card_expires_on,
    last_payments.last_paid_at,
    unpaid.next_attempt_at,
    cast(unpaid.unpaid_usd as decimal(38, 9)) as unpaid_usd,
    unpaid.latest_failure
from members
left join unpaid on members.company_id = unpaid.company_id and members.member_id = unpaid.member_id
left join last_payments
    on members.company_id = last_payments.company_id and members.member_id = last_payments.member_id
