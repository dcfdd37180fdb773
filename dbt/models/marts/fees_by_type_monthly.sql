select
    company_id,
    month,
    currency,
    line_type as fee_type,
    component,
    cast(-sum(amount) as decimal(38, 9)) as fees_amount,
    cast(case when count(*) = count(amount_usd) then -sum(amount_usd) end as decimal(38, 9)) as fees_usd,
    cast(count(*) as bigint) as ledger_lines,
    cast(count(distinct payment_id) as bigint) as payments
from {{ ref('ledger') }}
where component in ('payment_fees', 'dispute_fees', 'payout_fees', 'other_fees')
group by company_id, month, currency, line_type, component
