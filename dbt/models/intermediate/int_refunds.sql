{{ config(**by_change('memberships', membership_key())) }}
-- A refund that Whop lists has its own day and amount. What a payment says was refunded beyond those (the
-- table may not be synced, or a refund not be listed) is one more refund, on the day the payment gives.
with payments as (
    select
        payment_id,
        company_id,
        membership_id,
        currency,
        total,
        tax,
        fx,
        refunded_amount,
        tax_refunded_amount,
        coalesce(refunded_at, paid_at) as refunded_at
    from {{ changed_rows(ref('int_payment_amounts'), 'memberships', membership_key()) }} as payments
    where was_ever_paid
),

listed as (
    select
        refunds.refund_id,
        payments.payment_id,
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
        payments.refunded_amount - coalesce(listed_per_payment.amount, 0) as amount,
        payments.refunded_at
    from payments
    left join listed_per_payment on payments.payment_id = listed_per_payment.payment_id
    where
        payments.refunded_amount > 0
        and payments.refunded_amount > coalesce(listed_per_payment.amount, 0)
),

refunds as (
    select refund_id, payment_id, amount, refunded_at
    from listed
    union all
    select refund_id, payment_id, amount, refunded_at
    from not_listed
),

-- How much of a payment's refunds was tax, Whop says for all of them; else it is as much of them as of the total.
of_payments as (
    select
        coalesce(refunds.refund_id, refunds.payment_id) as refund_key,
        refunds.refund_id,
        refunds.payment_id,
        payments.company_id,
        payments.membership_id,
        payments.fx,
        refunds.refunded_at,
        cast(refunds.amount as decimal(38, 9)) as amount,
        case
            when payments.tax_refunded_amount is null then payments.tax else payments.tax_refunded_amount
        end as tax,
        case
            when payments.tax_refunded_amount is null then payments.total
            else sum(refunds.amount) over (partition by refunds.payment_id)
        end as tax_is_of
    from refunds
    inner join payments on refunds.payment_id = payments.payment_id
),

without_tax as (
    select
        of_payments.*,
        amount - case
            when tax = 0 then 0
            else coalesce({{ share('amount', 'tax', 'tax_is_of') }}, 0)
        end as net_amount
    from of_payments
)

select
    refund_key,
    refund_id,
    payment_id,
    company_id,
    membership_id,
    refunded_at,
    {{ local_date('refunded_at') }} as refunded_date,
    amount,
    cast(net_amount as decimal(38, 9)) as net_amount,
    {{ to_usd('net_amount') }} as refunded_usd
from without_tax
