select payout_id
from {{ ref('payouts') }}
where
    ledger_lines is not null
    and carried_over_amount + gross_amount + refunds_amount + disputes_amount + fees_amount
    + returned_payouts_amount + others_amount <> amount + left_over_amount
