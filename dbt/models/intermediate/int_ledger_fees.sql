-- The fees of each payment that the ledger has: 0 where it has the payment and no fee, nothing where a fee is not
-- known in dollars. What a dispute costs is no fee of the payment: it is of the day of the dispute.
with lines as (
    select payment_id, component, amount_usd
    from {{ ref('int_ledger_lines') }}
    where payment_id is not null and component in ('gross', 'payment_fees')
),

per_payment as (
    select
        payment_id,
        sum(case when component = 'gross' then 1 else 0 end) as gross_lines,
        sum(case when component = 'payment_fees' and amount_usd is null then 1 else 0 end) as lines_without_usd,
        -sum(case when component = 'payment_fees' then amount_usd else 0 end) as fees_usd
    from lines
    group by payment_id
)

select
    payment_id,
    cast(fees_usd as decimal(38, 9)) as fees_usd
from per_payment
where gross_lines > 0 and lines_without_usd = 0
