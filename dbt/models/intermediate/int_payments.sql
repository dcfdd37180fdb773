{{ config(**by_change('memberships', membership_key())) }}
{#- Comes after the model that reads of which members its payments were. -#}
{%- do is_by_change('members') -%}
with payments as (
    select *
    from {{ changed_rows(ref('int_payment_amounts'), 'memberships', membership_key()) }} as payments
),

terms as (
    select *
    from {{ changed_rows(ref('int_payment_terms'), 'memberships', membership_key()) }} as terms
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

chargebacks as (
    select
        payment_id,
        min(charged_back_at) as charged_back_at,
        sum(charged_back_usd) as charged_back_usd
    from {{ ref('int_chargebacks') }}
    group by payment_id
),

disputes as (
    select payment_id, min(created_at) as created_at
    from {{ ref('stg_whop__disputes') }}
    group by payment_id
),

joined as (
    select
        payments.payment_id,
        payments.company_id,
        payments.member_id,
        payments.membership_id,
        payments.plan_id,
        payments.product_id,
        payments.promo_code_id,
        payments.checkout_configuration_id,
        payments.status,
        payments.substatus,
        payments.billing_reason,
        payments.currency,
        payments.settlement_currency,
        payments.created_at,
        payments.paid_at,
        refunds.refunded_at,
        chargebacks.charged_back_at,
        payments.total,
        payments.tax,
        payments.net_amount,
        coalesce(refunds.amount, payments.refunded_amount) as refunded_amount,
        payments.amount_after_fees,
        payments.fx,
        payments.amount_usd,
        payments.gross_usd,
        case when refunds.payment_id is null then 0 else refunds.refunded_usd end as refunded_usd,
        case when chargebacks.payment_id is null then 0 else chargebacks.charged_back_usd end as charged_back_usd,
        payments.fees_usd,
        payments.is_paid,
        payments.was_ever_paid,
        payments.is_failed,
        payments.is_purchase,
        payments.payment_method_type,
        payments.billing_country,
        refunds.payment_id is not null as is_refunded,
        coalesce(refunds.amount >= payments.total and payments.total > 0, false) as is_refunded_in_full,
        -- A dispute without a time is one all the same; the payment's day is the first it can have.
        case
            when disputes.payment_id is not null
                then least(
                    coalesce(disputes.created_at, payments.dispute_alerted_at, payments.created_at),
                    coalesce(payments.dispute_alerted_at, disputes.created_at, payments.created_at)
                )
            else payments.dispute_alerted_at
        end as dispute_alerted_at,
        terms.version_number,
        terms.plan_type,
        terms.billing_period_days,
        terms.renewal_price,
        terms.recurring_price,
        coalesce(terms.plan_type <> 'renewal' or terms.is_instalment, false) as is_one_time_plan,
        coalesce(
            payments.membership_id is not null
            and terms.plan_type = 'renewal'
            and terms.billing_period_days > 0
            and payments.total >= 0
            and not terms.is_instalment
            and not terms.is_trial_fee,
            false
        ) as is_counted
    from payments
    left join terms on payments.payment_id = terms.payment_id
    left join refunds on payments.payment_id = refunds.payment_id
    left join chargebacks on payments.payment_id = chargebacks.payment_id
    left join disputes on payments.payment_id = disputes.payment_id
)

select
    payment_id,
    company_id,
    member_id,
    membership_id,
    plan_id,
    product_id,
    promo_code_id,
    checkout_configuration_id,
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
    charged_back_at,
    {{ local_date('charged_back_at') }} as charged_back_date,
    total,
    tax,
    net_amount,
    refunded_amount,
    amount_after_fees,
    fx,
    amount_usd,
    gross_usd,
    cast(refunded_usd as decimal(38, 9)) as refunded_usd,
    cast(charged_back_usd as decimal(38, 9)) as charged_back_usd,
    fees_usd,
    is_paid,
    was_ever_paid,
    is_failed,
    is_purchase,
    is_refunded,
    is_refunded_in_full,
    dispute_alerted_at,
    payment_method_type,
    billing_country,
    version_number,
    plan_type,
    is_one_time_plan,
    is_counted,
    case when is_counted then billing_period_days end as billing_period_days,
    case when is_counted then renewal_price end as renewal_price,
    case when is_counted then recurring_price end as recurring_price,
    cast(
        case
            when not is_counted or recurring_price = 0 then 0
            -- least() would pass over an unknown gross
            when gross_usd is not null then least(gross_usd, {{ to_usd('recurring_price') }})
        end as decimal(38, 9)
    ) as recurring_usd
from joined
