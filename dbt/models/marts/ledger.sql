-- A line leaves with the first payout of its currency at or after the moment it becomes available. A payout's own lines
-- go out with none; what comes back of one is there to be paid out again.
with payouts as (
    select
        payouts.payout_id,
        payouts.company_id,
        payouts.currency,
        payouts.created_at,
        lag(payouts.created_at) over (
            partition by payouts.company_id, payouts.currency order by payouts.created_at, {{ by_bytes('payouts.payout_id') }}
        ) as created_before
    from {{ ref('stg_whop__payouts') }} as payouts
    inner join {{ ref('int_as_of') }} as as_of on payouts.company_id = as_of.company_id
    where payouts.created_at <= as_of.as_of
)

select
    lines.ledger_line_id,
    lines.company_id,
    lines.posted_at,
    lines.posted_date,
    {{ month_of('lines.posted_date') }} as month,
    lines.available_at,
    lines.component,
    lines.line_type,
    lines.currency,
    lines.amount_in_smallest_units,
    lines.amount,
    lines.amount_usd,
    lines.payment_id,
    lines.plan_id,
    lines.product_id,
    lines.payout_id,
    payouts.payout_id as paid_out_with
from {{ ref('int_ledger_lines') }} as lines
inner join {{ ref('int_as_of') }} as as_of on lines.company_id = as_of.company_id
left join payouts
    on lines.company_id = payouts.company_id
    and lines.currency = payouts.currency
    and lines.available_at <= payouts.created_at
    and (lines.available_at > payouts.created_before or payouts.created_before is null)
    and not (lines.component in ('payouts', 'payout_fees') and lines.amount < 0)
where lines.posted_at <= as_of.as_of
