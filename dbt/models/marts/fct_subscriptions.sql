{{ config(**by_change('memberships', 'membership_id')) }}
with periods as (
    select
        periods.company_id,
        periods.payment_id,
        periods.membership_id,
        periods.member_id,
        periods.product_id,
        periods.plan_id,
        periods.currency,
        periods.place,
        periods.period_start,
        periods.period_end,
        periods.natural_end,
        periods.recurring_price,
        periods.recurring_price_usd,
        periods.mrr_usd,
        as_of.as_of,
        -- A payment above 0, or a price above 0 that comes back, makes a subscription.
        periods.recurring_price > 0 as is_above_0,
        periods.recurring_price > 0 or periods.net_amount > 0 as makes_subscription,
        -- An end that is still to come has not happened yet.
        periods.period_end > as_of.as_of
        or {{ local_date('periods.period_end') }} > as_of.as_of_date as covers_as_of
    from {{ changed_rows(ref('int_subscription_periods'), 'memberships', 'membership_id') }} as periods
    inner join {{ ref('int_as_of') }} as as_of on periods.company_id = as_of.company_id
    where periods.period_start <= as_of.as_of
),

subscriptions as (
    select
        membership_id,
        coalesce(min(case when is_above_0 then period_start end), min(period_start)) as started_at,
        coalesce(max(case when is_above_0 then place end), max(place)) as last_place,
        count(*) as periods_count,
        sum(case when covers_as_of then coalesce(mrr_usd, 0) else 0 end) as mrr_usd
    from periods
    group by membership_id
    having count(case when makes_subscription then 1 end) > 0
),

-- The last one that is paid for: what follows it for nothing is what it ended with.
last_periods as (
    select
        periods.company_id,
        periods.payment_id,
        periods.membership_id,
        periods.member_id,
        periods.product_id,
        periods.plan_id,
        periods.currency,
        periods.recurring_price,
        periods.recurring_price_usd,
        periods.as_of,
        ends.paid_until,
        case when periods.period_end <= periods.as_of then periods.period_end end as ended_at,
        coalesce(ends.paid_until, periods.natural_end) as paid_until_at
    from periods
    inner join subscriptions
        on periods.membership_id = subscriptions.membership_id and periods.place = subscriptions.last_place
    left join {{ ref('int_period_ends') }} as ends on periods.payment_id = ends.payment_id
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
        sum(charged_back_usd) as charged_back_usd,
        sum(net_usd) as net_usd,
        sum(payments_count) as payments_count
    from {{ changed_rows(ref('int_money_events'), 'memberships', 'membership_id') }} as events
    group by membership_id
),

paid as (
    select payments.payment_id, payments.membership_id, payments.promo_code_id, payments.paid_at
    from {{ changed_rows(ref('int_payments'), 'memberships', 'membership_id') }} as payments
    inner join {{ ref('int_as_of') }} as as_of on payments.company_id = as_of.company_id
    where payments.is_paid and payments.paid_at <= as_of.as_of and payments.membership_id is not null
),

-- Only what was paid at the first moment needs to be put in order.
first_moments as (
    select membership_id, min(paid_at) as paid_at
    from paid
    group by membership_id
),

placed as (
    select
        paid.membership_id,
        paid.promo_code_id,
        row_number() over (partition by paid.membership_id order by {{ by_bytes('paid.payment_id') }}) as place
    from paid
    inner join first_moments
        on paid.membership_id = first_moments.membership_id and paid.paid_at = first_moments.paid_at
),

-- A membership names the code in force now; the one it began with is that of its first payment.
first_payments as (
    select membership_id, promo_code_id
    from placed
    where place = 1
),

memberships as (
    select
        memberships.membership_id,
        memberships.status,
        memberships.cancel_at_period_end,
        -- A cancellation after as_of has not happened yet.
        case when memberships.canceled_at <= as_of.as_of then memberships.canceled_at end as canceled_at,
        memberships.renewal_period_end,
        coalesce(memberships.payment_collection_paused, false) as is_paused
    from {{ ref('stg_whop__memberships') }} as memberships
    inner join {{ ref('int_as_of') }} as as_of on memberships.company_id = as_of.company_id
),

joined as (
    select
        last_periods.*,
        subscriptions.started_at,
        subscriptions.periods_count,
        subscriptions.mrr_usd,
        memberships.status,
        memberships.cancel_at_period_end,
        memberships.canceled_at,
        memberships.renewal_period_end,
        coalesce(memberships.is_paused, false) as is_paused,
        last_periods.ended_at is null
        and memberships.membership_id is not null
        and coalesce(memberships.status not in {{ not_renewing_statuses() }}, true)
        and not coalesce(memberships.cancel_at_period_end, false)
        and not memberships.is_paused as renews
    from subscriptions
    inner join last_periods on subscriptions.membership_id = last_periods.membership_id
    left join memberships on subscriptions.membership_id = memberships.membership_id
)

select
    joined.membership_id,
    joined.company_id,
    joined.member_id,
    joined.product_id,
    joined.plan_id,
    first_payments.promo_code_id,
    joined.status,
    joined.started_at,
    joined.ended_at,
    joined.ended_at is null as is_active,
    cast(joined.mrr_usd as decimal(38, 6)) as mrr_usd,
    cast(coalesce(money.gross_usd, 0) as decimal(38, 9)) as lifetime_gross_usd,
    cast(coalesce(money.refunded_usd, 0) as decimal(38, 9)) as lifetime_refunded_usd,
    cast(coalesce(money.charged_back_usd, 0) as decimal(38, 9)) as lifetime_charged_back_usd,
    cast(coalesce(money.net_usd, 0) as decimal(38, 9)) as lifetime_net_usd,
    cast(coalesce(money.payments_count, 0) as bigint) as payments_count,
    joined.periods_count,
    trials.trial_started_at,
    trials.trial_started_at is not null as trial_converted,
    joined.cancel_at_period_end,
    joined.canceled_at,
    joined.renewal_period_end,
    joined.paid_until_at as paid_until,
    (joined.ended_at is null and joined.as_of > joined.paid_until_at)
    or coalesce(joined.status in {{ unpaid_membership_statuses() }}, false) as is_unpaid,
    joined.is_paused,
    case when joined.renews then joined.paid_until_at end as next_renewal_at,
    cast(case when joined.renews then joined.recurring_price end as decimal(38, 9)) as next_renewal_amount,
    joined.currency as next_renewal_currency,
    cast(case when joined.renews then joined.recurring_price_usd end as decimal(38, 9)) as next_renewal_amount_usd,
    ends.churn_type,
    ends.churn_reason
from joined
left join ends on joined.payment_id = ends.payment_id
left join money on joined.membership_id = money.membership_id
left join {{ ref('int_trials') }} as trials on joined.membership_id = trials.membership_id
left join first_payments on joined.membership_id = first_payments.membership_id
