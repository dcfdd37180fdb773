-- What does not tie is named row by row, and the rows add up to the difference; a row of a month that the
-- reconciliation has not would be nowhere.
with named as (
    select company_id, currency, month, sum(difference) as difference
    from {{ ref('cash_differences') }}
    group by company_id, currency, month
)

select
    coalesce(months.company_id, named.company_id) as company_id,
    coalesce(months.month, named.month) as month,
    coalesce(months.currency, named.currency) as currency,
    months.difference,
    named.difference as named_difference
from {{ ref('cash_reconciliation') }} as months
full outer join named
    on months.company_id = named.company_id
    and months.currency = named.currency
    and months.month = named.month
where
    months.company_id is null
    or months.difference <> coalesce(named.difference, 0)
    or months.named_difference <> coalesce(named.difference, 0)
