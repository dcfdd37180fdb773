-- What the ledger says of each payment, payout and transfer in each month, beside what the tables of these and of refunds
-- say: amounts in the currency they settle in. Of a payment that settles in another currency than it was made in, only
-- what is left of it after fees is known on both sides.
with as_of as (
    select company_id, as_of
    from {{ ref('int_as_of') }}
),

with_ledger as (
    select distinct company_id
    from {{ ref('int_ledger_lines') }}
),

with_payouts as (
    select distinct company_id
    from {{ ref('stg_whop__payouts') }}
),

-- Only the Current surface says who sends: without that nobody can tell what comes in from what goes out.
transfers as (
    select
        transfers.transfer_id,
        transfers.company_id,
        transfers.currency,
        case when transfers.sent_by = transfers.company_id then -transfers.amount else transfers.amount end as amount,
        transfers.status,
        coalesce(transfers.succeeded_at, transfers.created_at) as moved_at
    from {{ ref('stg_whop__transfers') }} as transfers
    inner join as_of on transfers.company_id = as_of.company_id
    where transfers.sent_by is not null and transfers.created_at <= as_of.as_of
),

-- Nor does Whop say what a line calls its transfer: where none of them is named, there is nothing to compare.
with_transfers as (
    select distinct lines.company_id
    from {{ ref('int_ledger_lines') }} as lines
    inner join as_of on lines.company_id = as_of.company_id
    inner join transfers on lines.company_id = transfers.company_id and lines.source_id = transfers.transfer_id
    where lines.component = 'transfers' and lines.posted_at <= as_of.as_of
),

payments as (
    select
        payments.payment_id,
        payments.company_id,
        payments.currency,
        coalesce(payments.settlement_currency, payments.currency) as settlement_currency,
        payments.paid_at,
        payments.total,
        payments.amount_after_fees
    from {{ ref('int_payment_amounts') }} as payments
    inner join with_ledger on payments.company_id = with_ledger.company_id
    inner join as_of on payments.company_id = as_of.company_id
    where payments.was_ever_paid and payments.paid_at <= as_of.as_of and payments.total <> 0
),

conversions as (
    select payment_id
    from payments
    where currency <> settlement_currency
),

ledger_sides as (
    select
        lines.company_id,
        lines.currency,
        {{ month_of('lines.posted_date') }} as month,
        case
            when lines.component = 'payout_fees' then 'payouts'
            when conversions.payment_id is null then lines.component
            when lines.component in ('gross', 'payment_fees') then 'converted'
        end as component,
        coalesce(
            case
                when lines.component in ('payouts', 'payout_fees') then lines.payout_id
                when lines.component = 'transfers' then lines.source_id
                else lines.payment_id
            end,
            lines.ledger_line_id
        ) as reference_id,
        lines.amount as ledger_amount,
        cast(0 as decimal(38, 9)) as our_amount
    from {{ ref('int_ledger_lines') }} as lines
    inner join as_of on lines.company_id = as_of.company_id
    left join conversions on lines.payment_id = conversions.payment_id
    left join with_payouts on lines.company_id = with_payouts.company_id
    left join transfers
        on lines.company_id = transfers.company_id
        and lines.source_id = transfers.transfer_id
    where
        lines.posted_at <= as_of.as_of
        and (
            lines.component in ('gross', 'refunds', 'payment_fees')
            or (lines.component in ('payouts', 'payout_fees') and with_payouts.company_id is not null)
            or (lines.component = 'transfers' and transfers.transfer_id is not null)
        )
),

gross_sides as (
    select
        company_id,
        settlement_currency as currency,
        {{ month_of(local_date('paid_at')) }} as month,
        'gross' as component,
        payment_id as reference_id,
        cast(0 as decimal(38, 9)) as ledger_amount,
        total as our_amount
    from payments
    where currency = settlement_currency
),

fee_sides as (
    select
        company_id,
        settlement_currency as currency,
        {{ month_of(local_date('paid_at')) }} as month,
        'payment_fees' as component,
        payment_id as reference_id,
        cast(0 as decimal(38, 9)) as ledger_amount,
        amount_after_fees - total as our_amount
    from payments
    where currency = settlement_currency and amount_after_fees is not null
),

converted_sides as (
    select
        company_id,
        settlement_currency as currency,
        {{ month_of(local_date('paid_at')) }} as month,
        'converted' as component,
        payment_id as reference_id,
        cast(0 as decimal(38, 9)) as ledger_amount,
        amount_after_fees as our_amount
    from payments
    where currency <> settlement_currency and amount_after_fees is not null
),

refund_sides as (
    select
        refunds.company_id,
        payments.settlement_currency as currency,
        {{ month_of('refunds.refunded_date') }} as month,
        'refunds' as component,
        refunds.payment_id as reference_id,
        cast(0 as decimal(38, 9)) as ledger_amount,
        -refunds.amount as our_amount
    from {{ ref('int_refunds') }} as refunds
    inner join payments on refunds.payment_id = payments.payment_id
    inner join as_of on refunds.company_id = as_of.company_id
    where refunds.refunded_at <= as_of.as_of and payments.currency = payments.settlement_currency
),

payouts as (
    select
        payouts.payout_id,
        payouts.company_id,
        payouts.currency,
        payouts.amount,
        payouts.created_at,
        case
            when payouts.status in {{ returned_payout_statuses() }}
                then coalesce(payouts.funds_returned_at, returned.posted_at, payouts.created_at)
        end as returned_at,
        as_of.as_of
    from {{ ref('stg_whop__payouts') }} as payouts
    inner join with_ledger on payouts.company_id = with_ledger.company_id
    inner join as_of on payouts.company_id = as_of.company_id
    left join (
        select payout_id, max(posted_at) as posted_at
        from {{ ref('int_ledger_lines') }}
        where payout_id is not null and amount > 0
        group by payout_id
    ) as returned on payouts.payout_id = returned.payout_id
    where payouts.created_at <= as_of.as_of
),

payout_sides as (
    select
        company_id,
        currency,
        {{ month_of(local_date('created_at')) }} as month,
        'payouts' as component,
        payout_id as reference_id,
        cast(0 as decimal(38, 9)) as ledger_amount,
        -amount as our_amount
    from payouts
),

returned_sides as (
    select
        company_id,
        currency,
        {{ month_of(local_date('returned_at')) }} as month,
        'payouts' as component,
        payout_id as reference_id,
        cast(0 as decimal(38, 9)) as ledger_amount,
        amount as our_amount
    from payouts
    where returned_at <= as_of
),

transfer_sides as (
    select
        transfers.company_id,
        transfers.currency,
        {{ month_of(local_date('transfers.moved_at')) }} as month,
        'transfers' as component,
        transfers.transfer_id as reference_id,
        cast(0 as decimal(38, 9)) as ledger_amount,
        transfers.amount as our_amount
    from transfers
    inner join with_transfers on transfers.company_id = with_transfers.company_id
    inner join as_of on transfers.company_id = as_of.company_id
    where transfers.status = 'succeeded' and transfers.amount is not null and transfers.moved_at <= as_of.as_of
),

sides as (
    {%- for each in ['ledger', 'gross', 'fee', 'converted', 'refund', 'payout', 'returned', 'transfer'] %}
    select company_id, currency, month, component, reference_id, ledger_amount, our_amount
    from {{ each }}_sides
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    company_id,
    currency,
    month,
    component,
    reference_id,
    cast(sum(ledger_amount) as decimal(38, 9)) as ledger_amount,
    cast(sum(our_amount) as decimal(38, 9)) as our_amount
from sides
where component is not null
group by company_id, currency, month, component, reference_id
