-- Every line of the ledger, with what it is of and what it is worth.
with lines as (
    select
        ledger_line_id,
        company_id,
        line_type,
        currency,
        smallest_units,
        amount_in_smallest_units,
        cast({{ from_smallest_unit('amount_in_smallest_units', 'smallest_units') }} as decimal(38, 9)) as amount,
        usd_amount,
        payment_id,
        plan_id,
        product_id,
        source_id,
        case when source_type = 'payout' then source_id end as payout_id,
        posted_at,
        coalesce(available_at, posted_at) as available_at,
        {{ ledger_component('line_type', 'payment_id is not null') }} as component
    from {{ ref('stg_whop__financial_activity') }}
)

select
    ledger_line_id,
    company_id,
    component,
    line_type,
    currency,
    smallest_units,
    cast(amount_in_smallest_units as decimal(38, 0)) as amount_in_smallest_units,
    amount,
    cast(case when currency = 'usd' then amount else usd_amount end as decimal(38, 9)) as amount_usd,
    payment_id,
    plan_id,
    product_id,
    source_id,
    payout_id,
    posted_at,
    {{ local_date('posted_at') }} as posted_date,
    available_at
from lines
