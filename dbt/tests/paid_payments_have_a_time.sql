{{ config(severity='warn') }}
-- A paid payment without paid_at cannot be put on a day: its money is in no mart but fct_payments.
select payment_id, company_id, amount_usd
from {{ ref('int_payments') }}
where is_paid and paid_at is null
