{{ config(**by_change('members', member_key())) }}
-- What happened to a payment after as_of has not happened yet.
with refunds_by_now as (
    select
        refunds.payment_id,
        max(refunds.refunded_at) as refunded_at,
        max(refunds.refunded_date) as refunded_date,
        sum(refunds.amount) as amount,
        sum(refunds.refunded_usd) as refunded_usd
    from {{ ref('int_refunds') }} as refunds
    inner join {{ ref('int_as_of') }} as as_of on refunds.company_id = as_of.company_id
    where refunds.refunded_at <= as_of.as_of
    group by refunds.payment_id
),

chargebacks_by_now as (
    select
        chargebacks.payment_id,
        min(chargebacks.charged_back_at) as charged_back_at,
        sum(chargebacks.charged_back_usd) as charged_back_usd
    from {{ ref('int_chargebacks') }} as chargebacks
    inner join {{ ref('int_as_of') }} as as_of on chargebacks.company_id = as_of.company_id
    where chargebacks.charged_back_at <= as_of.as_of
    group by chargebacks.payment_id
),

payments as (
    select
        payments.payment_id,
        payments.company_id,
        payments.member_id,
        payments.membership_id,
        staged.user_id,
        payments.plan_id,
        payments.product_id,
        payments.promo_code_id,
        staged.payment_method_id,
        payments.status,
        payments.substatus,
        payments.billing_reason,
        payments.payment_method_type,
        staged.card_brand,
        payments.billing_country,
        payments.created_at,
        payments.created_date,
        payments.paid_at,
        payments.paid_date,
        payments.currency,
        payments.total,
        payments.tax,
        payments.net_amount,
        payments.refunded_amount,
        refunds.refunded_at,
        refunds.refunded_date,
        refunds.amount as refunded_amount_by_now,
        payments.amount_after_fees,
        payments.settlement_currency,
        payments.fx,
        payments.amount_usd,
        payments.gross_usd,
        payments.recurring_usd,
        refunds.refunded_usd,
        chargebacks.payment_id is not null as charged_back_by_now,
        chargebacks.charged_back_at,
        chargebacks.charged_back_usd,
        payments.fees_usd,
        payments.version_number,
        payments.recurring_price,
        periods.mrr_usd,
        payments.is_paid,
        payments.is_purchase,
        payments.is_failed,
        payments.is_refunded,
        payments.is_counted,
        staged.payments_failed,
        staged.failure_message,
        coalesce(payments.paid_at <= as_of.as_of, false) as paid_by_now,
        refunds.payment_id is not null as refunded_by_now,
        coalesce(payments.dispute_alerted_at <= as_of.as_of, false)
        or coalesce(left(payments.substatus, 8) = 'dispute_', false) as is_disputed
    from {{ changed_rows(ref('int_payments'), 'members', member_key()) }} as payments
    inner join {{ ref('int_as_of') }} as as_of on payments.company_id = as_of.company_id
    left join {{ ref('stg_whop__payments') }} as staged on payments.payment_id = staged.payment_id
    left join refunds_by_now as refunds on payments.payment_id = refunds.payment_id
    left join chargebacks_by_now as chargebacks on payments.payment_id = chargebacks.payment_id
    left join {{ ref('int_subscription_periods') }} as periods on payments.payment_id = periods.payment_id
    where payments.created_at <= as_of.as_of or payments.created_at is null
),

reported as (
    select
        payments.*,
        is_paid and paid_by_now as is_paid_now,
        case when paid_by_now then paid_at end as paid_at_now,
        case when paid_by_now then paid_date end as paid_date_now,
        case when is_refunded then refunded_amount_by_now else refunded_amount end as refunded_amount_now,
        case when paid_by_now then gross_usd else 0 end as gross_now_usd,
        case when paid_by_now then recurring_usd else 0 end as recurring_now_usd,
        case when refunded_by_now then refunded_usd else 0 end as refunded_now_usd,
        case when charged_back_by_now then charged_back_usd else 0 end as charged_back_now_usd,
        case when paid_by_now then fees_usd else 0 end as fees_now_usd
    from payments
),

purchases as (
    select payments.payment_id, payments.company_id, payments.member_id, payments.paid_at
    from {{ changed_rows(ref('int_payments'), 'members', member_key()) }} as payments
    inner join {{ ref('int_as_of') }} as as_of on payments.company_id = as_of.company_id
    where
        payments.is_purchase
        and payments.paid_at <= as_of.as_of
        and (payments.created_at <= as_of.as_of or payments.created_at is null)
        and payments.member_id is not null
),

-- Only what a member paid at the first moment needs to be put in order.
first_moments as (
    select company_id, member_id, min(paid_at) as paid_at
    from purchases
    group by company_id, member_id
),

placed as (
    select
        purchases.payment_id,
        row_number() over (
            partition by purchases.member_id, purchases.company_id
            order by {{ by_bytes('purchases.payment_id') }}
        ) as place
    from purchases
    inner join first_moments
        on purchases.company_id = first_moments.company_id
        and purchases.member_id = first_moments.member_id
        and purchases.paid_at = first_moments.paid_at
),

first_purchases as (
    select payment_id
    from placed
    where place = 1
)

select
    reported.payment_id,
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
    payment_method_type,
    card_brand,
    billing_country,
    created_at,
    created_date,
    paid_at_now as paid_at,
    paid_date_now as paid_date,
    refunded_at,
    refunded_date,
    charged_back_at,
    currency,
    total,
    tax as tax_amount,
    net_amount,
    cast(refunded_amount_now as decimal(38, 9)) as refunded_amount,
    cast(
        case
            when paid_by_now and settlement_currency = currency then total - amount_after_fees
        end as decimal(38, 9)
    ) as fees_amount,
    settlement_currency,
    fx,
    amount_usd,
    cast(gross_now_usd as decimal(38, 9)) as gross_usd,
    cast(recurring_now_usd as decimal(38, 9)) as recurring_usd,
    cast(gross_now_usd - recurring_now_usd as decimal(38, 9)) as one_time_gross_usd,
    cast(refunded_now_usd as decimal(38, 9)) as refunded_usd,
    cast(charged_back_now_usd as decimal(38, 9)) as charged_back_usd,
    cast(fees_now_usd as decimal(38, 9)) as fees_usd,
    cast(gross_now_usd - refunded_now_usd - coalesce(charged_back_now_usd, 0) - coalesce(fees_now_usd, 0) as decimal(38, 9)) as net_usd,
    case when paid_by_now then version_number end as plan_version_number,
    cast(case when paid_by_now then recurring_price end as decimal(38, 9)) as recurring_price,
    cast(case when paid_by_now then mrr_usd end as decimal(38, 6)) as mrr_usd,
    is_paid_now as is_paid,
    is_failed,
    is_failed and is_paid_now as is_recovered,
    refunded_by_now as is_refunded,
    coalesce(refunded_amount_by_now >= total and total > 0, false) as is_refunded_in_full,
    is_disputed,
    charged_back_by_now as is_charged_back,
    is_counted and paid_by_now as is_recurring,
    first_purchases.payment_id is not null as is_first,
    payments_failed,
    failure_message
from reported
left join first_purchases on reported.payment_id = first_purchases.payment_id
