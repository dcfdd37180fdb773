-- A run of periods ends where the next one of the membership does not follow without a break, or is
-- paid by somebody else.
with ends as (
    select
        periods.company_id,
        periods.payment_id,
        periods.membership_id,
        periods.member_id,
        periods.period_start,
        periods.period_end,
        periods.next_period_start,
        periods.mrr_usd,
        as_of.as_of
    from {{ ref('int_subscription_periods') }} as periods
    inner join {{ ref('int_as_of') }} as as_of on periods.company_id = as_of.company_id
    where
        periods.period_end <= as_of.as_of
        and (
            periods.next_period_start is null
            or periods.period_end < periods.next_period_start
            or periods.member_id <> periods.next_member_id
        )
),

memberships as (
    select membership_id, canceled_at, nullif(cancel_option, '') as cancel_option
    from {{ ref('stg_whop__memberships') }}
),

payments_that_failed as (
    select payments.membership_id, payments.created_at
    from {{ ref('int_payments') }} as payments
    inner join {{ ref('int_as_of') }} as as_of on payments.company_id = as_of.company_id
    where
        payments.status in ('open', 'uncollectible', 'void', 'unresolved')
        and payments.created_at <= as_of.as_of
),

ends_after_a_failure as (
    select ends.payment_id
    from ends
    inner join payments_that_failed
        on ends.membership_id = payments_that_failed.membership_id
        and ends.period_start < payments_that_failed.created_at
        and (
            ends.next_period_start is null
            or payments_that_failed.created_at < ends.next_period_start
        )
    group by ends.payment_id
),

typed as (
    select
        ends.*,
        memberships.cancel_option,
        case
            -- What a member did after coming back says nothing about why they had left before.
            when memberships.canceled_at <= ends.as_of
                and (ends.next_period_start is null or memberships.canceled_at < ends.next_period_start)
                then 'voluntary'
            when ends_after_a_failure.payment_id is not null then 'involuntary'
            else 'lapsed'
        end as churn_type
    from ends
    left join memberships on ends.membership_id = memberships.membership_id
    left join ends_after_a_failure on ends.payment_id = ends_after_a_failure.payment_id
)

select
    payment_id,
    company_id,
    membership_id,
    member_id,
    period_start,
    period_end,
    {{ local_date('period_end') }} as end_date,
    mrr_usd,
    churn_type,
    case churn_type
        when 'voluntary' then coalesce(cancel_option, 'unspecified')
        when 'involuntary' then 'payment_failed'
        else 'not_renewed'
    end as churn_reason
from typed
