with periods as (
    select
        periods.company_id,
        periods.payment_id,
        periods.membership_id,
        periods.member_id,
        periods.product_id,
        periods.plan_id,
        periods.period_start,
        case when periods.period_end <= as_of.as_of then periods.period_end end as ended_at,
        periods.mrr_usd,
        -- An end that is still to come has not happened yet.
        case
            when periods.period_end > as_of.as_of or periods.period_end is null then true
            else {{ local_date('periods.period_end') }} > as_of.as_of_date
        end as covers_as_of,
        row_number() over (
            partition by periods.membership_id
            order by periods.period_start desc, periods.payment_id collate "C" desc
        ) as place_from_last
    from {{ ref('fct_subscription_periods') }} as periods
    inner join {{ ref('int_as_of') }} as as_of on periods.company_id = as_of.company_id
),

subscriptions as (
    select
        membership_id,
        min(period_start) as started_at,
        count(*) as periods_count,
        sum(case when covers_as_of then mrr_usd else 0 end) as mrr_usd
    from periods
    group by membership_id
),

last_periods as (
    select company_id, payment_id, membership_id, member_id, product_id, plan_id, ended_at
    from periods
    where place_from_last = 1
),

ends as (
    select payment_id, churn_type, churn_reason
    from {{ ref('int_subscription_ends') }}
),

money as (
    select
        membership_id,
        sum(gross_usd) as gross_usd,
        sum(refunded_usd) as refunded_usd,
        sum(net_usd) as net_usd,
        sum(payments_count) as payments_count
    from {{ ref('int_money_events') }}
    group by membership_id
),

paid as (
    select
        payments.membership_id,
        payments.promo_code_id,
        row_number() over (
            partition by payments.membership_id order by payments.paid_at, payments.payment_id collate "C"
        ) as place
    from {{ ref('int_payments') }} as payments
    inner join {{ ref('int_as_of') }} as as_of on payments.company_id = as_of.company_id
    where payments.is_paid and payments.paid_at <= as_of.as_of and payments.membership_id is not null
),

-- A membership names the code in force now; the one it began with is that of its first payment.
first_payments as (
    select membership_id, promo_code_id
    from paid
    where place = 1
),

memberships as (
    select
        memberships.membership_id,
        memberships.status,
        memberships.cancel_at_period_end,
        -- A cancellation after as_of has not happened yet.
        case when memberships.canceled_at <= as_of.as_of then memberships.canceled_at end as canceled_at,
        case
            when memberships.canceled_at <= as_of.as_of or memberships.canceled_at is null
                then memberships.cancellation_reason
        end as cancellation_reason,
        memberships.renewal_period_end,
        case when plans.trial_period_days > 0 then memberships.created_at end as trial_started_at
    from {{ ref('stg_whop__memberships') }} as memberships
    inner join {{ ref('int_as_of') }} as as_of on memberships.company_id = as_of.company_id
    left join {{ ref('base_whop__plans') }} as plans on memberships.plan_id = plans.plan_id
)

select
    subscriptions.membership_id,
    last_periods.company_id,
    last_periods.member_id,
    last_periods.product_id,
    last_periods.plan_id,
    first_payments.promo_code_id,
    memberships.status,
    subscriptions.started_at,
    last_periods.ended_at,
    last_periods.ended_at is null as is_active,
    cast(subscriptions.mrr_usd as decimal(38, 6)) as mrr_usd,
    cast(coalesce(money.gross_usd, 0) as decimal(38, 9)) as lifetime_gross_usd,
    cast(coalesce(money.refunded_usd, 0) as decimal(38, 9)) as lifetime_refunded_usd,
    cast(coalesce(money.net_usd, 0) as decimal(38, 9)) as lifetime_net_usd,
    cast(coalesce(money.payments_count, 0) as bigint) as payments_count,
    subscriptions.periods_count,
    memberships.trial_started_at,
    memberships.trial_started_at is not null as trial_converted,
    memberships.cancel_at_period_end,
    memberships.canceled_at,
    memberships.renewal_period_end,
    ends.churn_type,
    ends.churn_reason,
    memberships.cancellation_reason
from subscriptions
inner join last_periods on subscriptions.membership_id = last_periods.membership_id
left join ends on last_periods.payment_id = ends.payment_id
left join money on subscriptions.membership_id = money.membership_id
left join memberships on subscriptions.membership_id = memberships.membership_id
left join first_payments on subscriptions.membership_id = first_payments.membership_id
