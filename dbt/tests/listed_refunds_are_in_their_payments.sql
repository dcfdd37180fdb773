{{ config(severity='warn') }}
-- Refunds that succeeded and are more than the payment says: one of the two tables is older than the other, or
-- Whop counts differently. The larger sum is used.
with listed as (
    select payment_id, currency, sum(amount) as amount
    from {{ ref('stg_whop__refunds') }}
    where status = 'succeeded'
    group by payment_id, currency
)

select payments.payment_id, payments.refunded_amount, listed.amount
from {{ ref('stg_whop__payments') }} as payments
inner join listed
    on payments.payment_id = listed.payment_id
    and payments.currency = listed.currency
where listed.amount > coalesce(payments.refunded_amount, 0)
