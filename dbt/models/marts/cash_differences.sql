-- Where both say the same nothing is added to what they differ by over all months.
with differing as (
    select
        company_id,
        currency,
        month,
        component,
        reference_id,
        ledger_amount,
        our_amount,
        sum(ledger_amount - our_amount) over (
            partition by company_id, currency, component, reference_id
        ) as over_all_months
    from {{ ref('int_cash_sides') }}
    where ledger_amount <> our_amount
)

select
    company_id,
    currency,
    month,
    component,
    reference_id,
    ledger_amount,
    our_amount,
    cast(ledger_amount - our_amount as decimal(38, 9)) as difference,
    case
        when over_all_months = 0 then 'in_another_month'
        when our_amount = 0 then 'only_in_ledger'
        when ledger_amount = 0 then 'not_in_ledger'
        else 'other_amount'
    end as reason
from differing
