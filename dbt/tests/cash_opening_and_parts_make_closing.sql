-- Opening and all components make closing, and a month opens with what the one before has closed with.
with months as (
    select
        *,
        lag(closing_amount, 1, 0) over (partition by company_id, currency order by month) as closed_before
    from {{ ref('cash_reconciliation') }}
)

select company_id, month, currency, opening_amount, closing_amount, closed_before
from months
where
    opening_amount <> closed_before
    or opening_amount
    {%- for component in ledger_components() %}
    + {{ component }}_amount
    {%- endfor %}
    <> closing_amount
