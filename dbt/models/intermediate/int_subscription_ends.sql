{{ config(**by_change('memberships', 'membership_id')) }}
-- A subscription ends where no counted payment continues its last period, where it goes on without paying, and for
-- a member where somebody else goes on paying.
with ends as (
    select
        periods.company_id,
        periods.payment_id,
        periods.membership_id,
        periods.member_id,
        periods.period_start,
        periods.period_end,
        periods.paid_until,
        periods.mrr_usd,
        as_of.as_of,
        case when periods.next_period_start <= as_of.as_of then periods.next_period_start end as returned_at,
        case
            when periods.is_continued and periods.recurring_price > 0 and periods.next_recurring_price = 0
                then 'free_renewal'
            when periods.lifetime_bought_at <= as_of.as_of then 'lifetime'
        end as free_reason,
        case when periods.charged_back_at <= as_of.as_of then periods.charged_back_at end as charged_back_at
    from {{ changed_rows(ref('int_subscription_periods'), 'memberships', 'membership_id') }} as periods
    inner join {{ ref('int_as_of') }} as as_of on periods.company_id = as_of.company_id
    where
        periods.period_end <= as_of.as_of
        and (
            not periods.is_continued
            or periods.member_id <> periods.next_member_id
            or (periods.recurring_price > 0 and periods.next_recurring_price = 0)
        )
),

-- What a member did before the period began, or after coming back, says nothing about why they left in between.
memberships as (
    select
        ends.payment_id,
        memberships.status,
        nullif(memberships.cancel_option, '') as cancel_option,
        case
            when memberships.canceled_at >= ends.period_start
                and memberships.canceled_at <= ends.as_of
                and (ends.returned_at is null or memberships.canceled_at < ends.returned_at)
                then memberships.canceled_at
        end as canceled_at
    from ends
    inner join {{ ref('stg_whop__memberships') }} as memberships on ends.membership_id = memberships.membership_id
),

payments_that_failed as (
    select payments.membership_id, payments.created_at
    from {{ changed_rows(ref('int_payments'), 'memberships', 'membership_id') }} as payments
    inner join {{ ref('int_as_of') }} as as_of on payments.company_id = as_of.company_id
    where
        payments.status in {{ unpaid_payment_statuses() }}
        and payments.created_at <= as_of.as_of
),

failures as (
    select
        ends.payment_id,
        min(payments_that_failed.created_at) as failed_at
    from ends
    inner join payments_that_failed
        on ends.membership_id = payments_that_failed.membership_id
        and ends.period_start < payments_that_failed.created_at
        and (ends.returned_at is null or payments_that_failed.created_at < ends.returned_at)
    group by ends.payment_id
),

facts as (
    select
        ends.*,
        memberships.cancel_option,
        memberships.canceled_at,
        failures.failed_at,
        ends.returned_at is null
        and coalesce(memberships.status in {{ unpaid_membership_statuses() }}, false) as is_unpaid
    from ends
    left join memberships on ends.payment_id = memberships.payment_id
    left join failures on ends.payment_id = failures.payment_id
),

typed as (
    select
        facts.*,
        case
            when free_reason is not null then 'free'
            when charged_back_at < coalesce(returned_at, as_of + interval '1 second')
                and (canceled_at is null or charged_back_at < canceled_at)
                then 'chargeback'
            -- Given up while the charge was being tried again, it is the charge that ended it.
            when canceled_at is not null
                and not coalesce(canceled_at > paid_until and failed_at <= canceled_at, false)
                then 'voluntary'
            when failed_at is not null or is_unpaid then 'payment_failed'
            else 'lapsed'
        end as kind
    from facts
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
    case when kind in ('chargeback', 'payment_failed') then 'involuntary' else kind end as churn_type,
    case kind
        when 'free' then free_reason
        when 'voluntary' then coalesce(cancel_option, 'unspecified')
        when 'lapsed' then 'not_renewed'
        else kind
    end as churn_reason
from typed
