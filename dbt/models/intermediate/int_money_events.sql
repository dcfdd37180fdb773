{{ config(**by_change('memberships', membership_key())) }}
{%- set of_the_payment = [
    'payments.company_id', 'payments.member_id', 'payments.membership_id', 'payments.payment_id', 'payments.product_id',
    'payments.plan_id', 'payments.promo_code_id', 'payments.currency', 'payments.billing_country'
] -%}
-- Each amount on its own day: what was paid on the day it was paid, what was refunded on the day of the refund, what
-- was lost in a dispute on the day that began.
with as_of as (
    select company_id, as_of
    from {{ ref('int_as_of') }}
),

paid as (
    select
        {{ of_the_payment | join(',\n        ') }},
        payments.paid_date as event_date,
        coalesce(payments.gross_usd, 0) as gross_usd,
        coalesce(payments.gross_usd, 0) - coalesce(payments.recurring_usd, 0) as one_time_gross_usd,
        cast(0 as decimal(38, 9)) as refunded_usd,
        cast(0 as decimal(38, 9)) as charged_back_usd,
        coalesce(payments.fees_usd, 0) as fees_usd,
        payments.is_purchase,
        case when payments.is_paid then 1 else 0 end as payments_count
    from {{ changed_rows(ref('int_payments'), 'memberships', membership_key()) }} as payments
    inner join as_of on payments.company_id = as_of.company_id
    where payments.paid_at <= as_of.as_of
),

refunded as (
    select
        {{ of_the_payment | join(',\n        ') }},
        refunds.refunded_date as event_date,
        0 as gross_usd,
        0 as one_time_gross_usd,
        refunds.refunded_usd,
        0 as charged_back_usd,
        0 as fees_usd,
        false as is_purchase,
        0 as payments_count
    from {{ ref('int_refunds') }} as refunds
    inner join as_of on refunds.company_id = as_of.company_id
    inner join {{ changed_rows(ref('int_payments'), 'memberships', membership_key()) }} as payments on refunds.payment_id = payments.payment_id
    where refunds.refunded_at <= as_of.as_of and refunds.refunded_usd <> 0
),

charged_back as (
    select
        {{ of_the_payment | join(',\n        ') }},
        chargebacks.charged_back_date as event_date,
        0 as gross_usd,
        0 as one_time_gross_usd,
        0 as refunded_usd,
        chargebacks.charged_back_usd,
        0 as fees_usd,
        false as is_purchase,
        0 as payments_count
    from {{ ref('int_chargebacks') }} as chargebacks
    inner join as_of on chargebacks.company_id = as_of.company_id
    inner join {{ changed_rows(ref('int_payments'), 'memberships', membership_key()) }} as payments on chargebacks.payment_id = payments.payment_id
    where chargebacks.charged_back_at <= as_of.as_of and chargebacks.charged_back_usd <> 0
),

events as (
    select * from paid
    union all
    select * from refunded
    union all
    select * from charged_back
)

select
    company_id,
    member_id,
    membership_id,
    payment_id,
    product_id,
    plan_id,
    promo_code_id,
    currency,
    billing_country,
    event_date,
    cast(gross_usd as decimal(38, 9)) as gross_usd,
    cast(one_time_gross_usd as decimal(38, 9)) as one_time_gross_usd,
    cast(refunded_usd as decimal(38, 9)) as refunded_usd,
    cast(charged_back_usd as decimal(38, 9)) as charged_back_usd,
    cast(fees_usd as decimal(38, 9)) as fees_usd,
    cast(
        gross_usd - refunded_usd - charged_back_usd - fees_usd as decimal(38, 9)
    ) as net_usd,
    is_purchase,
    payments_count
from events
