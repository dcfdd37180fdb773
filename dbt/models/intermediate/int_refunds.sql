-- A refund that Whop lists has its own day and amount. What a payment says was refunded beyond those (the
-- table may not be synced, or a refund not be listed) is one more refund, on the day the payment gives.
with payments as (
    select
        payment_id,
        company_id,
        currency,
        total,
        refunded_amount,
        coalesce(refunded_at, paid_at) as refunded_at,
        {{ usd_rate() }} as fx
    from {{ ref('stg_whop__payments') }}
    where status = 'paid' or paid_at is not null
),

listed as (
    select
        refunds.refund_id,
        payments.payment_id,
        payments.company_id,
        payments.fx,
        refunds.amount,
        coalesce(refunds.created_at, payments.refunded_at) as refunded_at
    from {{ ref('stg_whop__refunds') }} as refunds
    inner join payments
        on refunds.payment_id = payments.payment_id
        and refunds.currency = payments.currency
    where refunds.status = 'succeeded' and refunds.amount > 0
),

listed_per_payment as (
    select payment_id, sum(amount) as amount
    from listed
    group by payment_id
),

not_listed as (
    select
        cast(null as {{ dbt.type_string() }}) as refund_id,
        payments.payment_id,
        payments.company_id,
        payments.fx,
        payments.refunded_amount - coalesce(listed_per_payment.amount, 0) as amount,
        payments.refunded_at
    from payments
    left join listed_per_payment on payments.payment_id = listed_per_payment.payment_id
    where
        payments.refunded_amount > 0
        and payments.refunded_amount > coalesce(listed_per_payment.amount, 0)
),

refunds as (
    select refund_id, payment_id, company_id, fx, amount, refunded_at
    from listed
    union all
    select refund_id, payment_id, company_id, fx, amount, refunded_at
    from not_listed
)

select
    coalesce(refund_id, payment_id) as refund_key,
    refund_id,
    payment_id,
    company_id,
    refunded_at,
    {{ local_date('refunded_at') }} as refunded_date,
    cast(amount as decimal(38, 9)) as amount,
    {{ to_usd('amount') }} as refunded_usd
from refunds
