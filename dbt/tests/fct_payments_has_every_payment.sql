-- No payment is lost or doubled between the raw table and the mart.
with raw_payments as (
    select id as payment_id, company_id, created_at
    from {{ source('whop_raw', 'payments') }}
    {%- if not var('include_deleted') %}
    where _whop_deleted_at is null
    {%- endif %}
),

known as (
    select count(distinct raw_payments.payment_id) as payments
    from raw_payments
    inner join {{ ref('int_as_of') }} as as_of on raw_payments.company_id = as_of.company_id
    where raw_payments.created_at <= as_of.as_of or raw_payments.created_at is null
),

reported as (
    select count(*) as payments
    from {{ ref('fct_payments') }}
)

select known.payments as payments_known, reported.payments as payments_reported
from known
cross join reported
where known.payments <> reported.payments
