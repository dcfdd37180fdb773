{{ config(**by_change('memberships', membership_key())) }}
with payments as (
    select
        payments.*,
        cast(coalesce(tax_amount, 0) as decimal(38, 9)) as tax,
        {{ usd_rate() }} as fx,
        coalesce(status = 'paid', false) as is_paid,
        coalesce(status = 'paid', false) or paid_at is not null as was_ever_paid,
        coalesce(payments_failed, 0) > 0
        or coalesce(status in {{ unpaid_payment_statuses() }}, false) as is_failed
    from {{ changed_rows(ref('stg_whop__payments'), 'memberships', membership_key()) }} as payments
),

in_usd as (
    select
        payments.*,
        cast({{ to_usd('total - tax') }} as decimal(38, 9)) as amount_usd
    from payments
),

memberships as (
    select membership_id, member_id
    from {{ ref('stg_whop__memberships') }}
),

-- Deleted plans too: a plan that Whop no longer lists still says what its payments were for.
plans as (
    select plan_id, product_id
    from {{ ref('base_whop__plans') }}
)

select
    payments.payment_id,
    payments.company_id,
    coalesce(payments.member_id, memberships.member_id, payments.membership_id) as member_id,
    payments.membership_id,
    payments.plan_id,
    coalesce(payments.product_id, plans.product_id) as product_id,
    payments.promo_code_id,
    payments.promo_code_type,
    payments.promo_code_amount_off,
    payments.promo_code_currency,
    payments.promo_code_intervals,
    payments.checkout_configuration_id,
    payments.status,
    payments.substatus,
    payments.billing_reason,
    payments.currency,
    payments.settlement_currency,
    payments.created_at,
    payments.paid_at,
    payments.total,
    payments.tax,
    payments.tax_behavior,
    cast(payments.total - payments.tax as decimal(38, 9)) as net_amount,
    -- Refunded by Whop itself, it says so and may give no amount: all of it, then.
    case
        when coalesce(payments.refunded_amount, 0) = 0
            and (payments.auto_refunded or coalesce(payments.substatus = 'auto_refunded', false))
            then payments.total
        else payments.refunded_amount
    end as refunded_amount,
    payments.tax_refunded_amount,
    payments.refunded_at,
    payments.amount_after_fees,
    cast(payments.fx as decimal(38, 18)) as fx,
    payments.amount_usd,
    cast(case when payments.is_paid then payments.amount_usd else 0 end as decimal(38, 9)) as gross_usd,
    cast(
        case
            when not payments.was_ever_paid then 0
            -- Where the ledger has the payment, it says what it cost.
            when ledger_fees.fees_usd is not null then ledger_fees.fees_usd
            when payments.settlement_currency = payments.currency
                then {{ to_usd('total - amount_after_fees') }}
        end as decimal(38, 9)
    ) as fees_usd,
    payments.is_paid,
    payments.was_ever_paid,
    payments.is_failed,
    payments.is_paid and coalesce(payments.total - payments.tax > 0, false) as is_purchase,
    payments.dispute_alerted_at,
    payments.payment_method_type,
    payments.billing_country
from in_usd as payments
left join memberships on payments.membership_id = memberships.membership_id
left join plans on payments.plan_id = plans.plan_id
left join {{ ref('int_ledger_fees') }} as ledger_fees on payments.payment_id = ledger_fees.payment_id
