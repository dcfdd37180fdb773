-- What moved my money at Whop? The lines of the books for a month: a row per currency, what it is of and type, with what there was before and after.
-- parameter month (month): which, like 2026-10; the last full month without it
with newest as (
    select company_id, max(month) as month
    from {{ ref('metrics_monthly') }}
    group by company_id
),

months as (
    select
        cash.company_id,
        cash.month,
        cash.currency,
        cash.opening_amount,
        cash.closing_amount,
        cash.ties
    from {{ ref('cash_reconciliation') }} as cash
    inner join newest on cash.company_id = newest.company_id
    where cash.month = {{ asked_month('newest.month') }}
),

posted as (
    select
        months.company_id,
        months.month,
        months.currency,
        2 as place,
        ledger.component,
        ledger.line_type,
        sum(ledger.amount) as amount,
        sum(ledger.amount_usd) as amount_usd,
        count(*) as ledger_lines
    from months
    inner join {{ ref('ledger') }} as ledger
        on months.company_id = ledger.company_id
        and months.currency = ledger.currency
        and months.month = ledger.month
    group by months.company_id, months.month, months.currency, ledger.component, ledger.line_type
),

rows_of_the_month as (
    select company_id, month, currency, 1 as place, 'opening' as component, null as line_type, opening_amount as amount,
        null as amount_usd, null as ledger_lines
    from months
    union all
    select company_id, month, currency, place, component, line_type, amount, amount_usd, ledger_lines
    from posted
    union all
    select company_id, month, currency, 3 as place, 'closing' as component, null as line_type, closing_amount as amount,
        null as amount_usd, null as ledger_lines
    from months
)

select
    rows_of_the_month.company_id,
    rows_of_the_month.month,
    rows_of_the_month.currency,
    rows_of_the_month.component,
    rows_of_the_month.line_type,
    rows_of_the_month.amount,
    rows_of_the_month.amount_usd,
    rows_of_the_month.ledger_lines,
    months.ties
from rows_of_the_month
inner join months
    on rows_of_the_month.company_id = months.company_id
    and rows_of_the_month.month = months.month
    and rows_of_the_month.currency = months.currency
order by
    rows_of_the_month.company_id, rows_of_the_month.currency, rows_of_the_month.place, rows_of_the_month.component,
    rows_of_the_month.line_type
