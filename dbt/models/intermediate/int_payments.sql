with payments as (
    select
        payments.*,
        cast(coalesce(tax_amount, 0) as decimal(38, 9)) as tax,
        {{ usd_rate() }} as fx,
        coalesce(status = 'paid', false) as is_paid,
        coalesce(status = 'paid', false) or paid_at is not null as was_ever_paid,
        coalesce(payments_failed, 0) > 0
        or coalesce(status in ('open', 'uncollectible', 'void', 'unresolved'), false) as is_failed
    from {{ ref('stg_whop__payments') }} as payments
),

memberships as (
    select membership_id, member_id
    from {{ ref('stg_whop__memberships') }}
),

-- Deleted plans too: a plan that Whop no longer lists still says what its payments were for.
plans as (
    select plan_id, product_id, plan_type, billing_period_days, renewal_price, currency
    from {{ ref('base_whop__plans') }}
),

refunds as (
    select
        payment_id,
        max(refunded_at) as refunded_at,
        sum(amount) as amount,
        sum(refunded_usd) as refunded_usd
    from {{ ref('int_refunds') }}
    group by payment_id
),

disputes as (
    select payment_id, min(created_at) as created_at
    from {{ ref('stg_whop__disputes') }}
    group by payment_id
),

in_usd as (
    select
        payments.payment_id,
        payments.company_id,
        coalesce(payments.member_id, memberships.member_id, payments.membership_id) as member_id,
        payments.membership_id,
        payments.user_id,
        payments.plan_id,
        coalesce(payments.product_id, plans.product_id) as product_id,
        payments.promo_code_id,
        payments.payment_method_id,
        payments.status,
        payments.substatus,
        payments.billing_reason,
        payments.currency,
        payments.settlement_currency,
        payments.created_at,
        payments.paid_at,
        refunds.refunded_at,
        payments.total,
        payments.tax,
        coalesce(refunds.amount, payments.refunded_amount) as refunded_amount,
        payments.amount_after_fees,
        payments.usd_total,
        payments.fx,
        {{ to_usd('total - tax') }} as amount_usd,
        case when payments.is_paid then {{ to_usd('total - tax') }} else 0 end as gross_usd,
        case when refunds.payment_id is null then 0 else refunds.refunded_usd end as refunded_usd,
        case
            when not payments.was_ever_paid then 0
            when payments.settlement_currency = payments.currency
                then {{ to_usd('total - amount_after_fees') }}
        end as fees_usd,
        payments.is_paid,
        payments.was_ever_paid,
        payments.is_failed,
        payments.is_paid and coalesce(payments.total - payments.tax > 0, false) as is_purchase,
        payments.payments_failed,
        payments.failure_message,
        payments.payment_method_type,
        payments.card_brand,
        payments.billing_country,
        refunds.payment_id is not null as is_refunded,
        coalesce(refunds.amount >= payments.total, false) as is_refunded_in_full,
        -- A dispute without a time is one all the same; the payment's day is the first it can have.
        case
            when disputes.payment_id is not null
                then least(
                    coalesce(disputes.created_at, payments.dispute_alerted_at, payments.created_at),
                    coalesce(payments.dispute_alerted_at, disputes.created_at, payments.created_at)
                )
            else payments.dispute_alerted_at
        end as dispute_alerted_at,
        plans.plan_type,
        plans.billing_period_days,
        case when plans.currency = payments.currency then plans.renewal_price end as renewal_price
    from payments
    left join memberships on payments.membership_id = memberships.membership_id
    left join plans on payments.plan_id = plans.plan_id
    left join refunds on payments.payment_id = refunds.payment_id
    left join disputes on payments.payment_id = disputes.payment_id
),

recurring as (
    select
        in_usd.*,
        coalesce(
            is_paid
            and paid_at is not null
            and membership_id is not null
            and plan_type = 'renewal'
            and billing_period_days > 0
            and gross_usd > 0,
            false
        ) as is_counted,
        -- A first payment may hold a set-up fee: only the price of a renewal comes back.
        case
            when billing_reason = 'subscription_create' and renewal_price > 0
                then least(gross_usd, {{ to_usd('renewal_price') }})
            else gross_usd
        end as recurring_if_counted_usd
    from in_usd
)

select
    payment_id,
    company_id,
    member_id,
    membership_id,
    user_id,
    plan_id,
    product_id,
    promo_code_id,
    payment_method_id,
    status,
    substatus,
    billing_reason,
    currency,
    settlement_currency,
    created_at,
    {{ local_date('created_at') }} as created_date,
    paid_at,
    {{ local_date('paid_at') }} as paid_date,
    refunded_at,
    {{ local_date('refunded_at') }} as refunded_date,
    total,
    tax,
    refunded_amount,
    amount_after_fees,
    usd_total,
    cast(fx as decimal(38, 18)) as fx,
    cast(amount_usd as decimal(38, 9)) as amount_usd,
    cast(gross_usd as decimal(38, 9)) as gross_usd,
    cast(refunded_usd as decimal(38, 9)) as refunded_usd,
    cast(fees_usd as decimal(38, 9)) as fees_usd,
    is_paid,
    was_ever_paid,
    is_failed,
    is_purchase,
    is_refunded,
    is_refunded_in_full,
    dispute_alerted_at,
    payments_failed,
    failure_message,
    payment_method_type,
    card_brand,
    billing_country,
    is_counted,
    billing_period_days,
    case when is_counted then {{ add_days('paid_at', 'billing_period_days') }} end as natural_end,
    cast(case when is_counted then recurring_if_counted_usd else 0 end as decimal(38, 9)) as recurring_usd,
    cast(
        case
            when is_counted then {{ per_month('recurring_if_counted_usd', 'billing_period_days') }}
        end as decimal(38, 6)
    ) as mrr_usd
from recurring
