-- What does not tie? Of a month, each payment and payout of which the ledger says otherwise than its own table; the largest first.
-- parameter month (month): which, like 2026-10; the last full month without it
with newest as (
    select company_id, max(month) as month
    from {{ ref('metrics_monthly') }}
    group by company_id
)

select
    differences.company_id,
    differences.month,
    differences.currency,
    differences.component,
    differences.reference_id,
    differences.ledger_amount,
    differences.our_amount,
    differences.difference,
    differences.reason
from {{ ref('cash_differences') }} as differences
inner join newest on differences.company_id = newest.company_id
where differences.month = {{ asked_month('newest.month') }}
order by differences.company_id, abs(differences.difference) desc, differences.reference_id
