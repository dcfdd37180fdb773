{{ config(severity='warn') }}

-- Of a month that does not tie: cash_differences names what it is of.
select company_id, month, currency, difference, balance_difference
from {{ ref('cash_reconciliation') }}
where not ties
