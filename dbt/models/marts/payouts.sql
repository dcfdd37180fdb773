{%- set parts = {
    'gross': ['gross'], 'refunds': ['refunds'], 'disputes': ['disputes'],
    'fees': ['payment_fees', 'dispute_fees', 'other_fees'], 'returned_payouts': ['payouts', 'payout_fees'],
    'others': ['transfers', 'conversions', 'taxes', 'other']
} -%}

with as_of as (
    select company_id, as_of
    from {{ ref('int_as_of') }}
),

made_of as (
    select
        paid_out_with as payout_id,
        count(*) as ledger_lines,
        {%- for part, components in parts.items() %}
        sum(case when component in ('{{ components | join("', '") }}') then amount else 0 end) as {{ part }}_amount,
        {%- endfor %}
        sum(amount) as amount
    from {{ ref('ledger') }}
    where paid_out_with is not null
    group by paid_out_with
),

own_lines as (
    select
        payout_id,
        sum(case when amount < 0 then amount else 0 end) as taken,
        sum(amount) as ledger_amount
    from {{ ref('ledger') }}
    where payout_id is not null
    group by payout_id
),

with_ledger as (
    select distinct company_id
    from {{ ref('ledger') }}
),

known as (
    select
        payouts.*,
        with_ledger.company_id is not null as has_ledger,
        -sum(coalesce(own_lines.taken, 0)) over before_it as taken_before,
        sum(coalesce(made_of.amount, 0)) over before_it as available_before,
        own_lines.ledger_amount,
        coalesce(made_of.ledger_lines, 0) as ledger_lines,
        {%- for part in parts %}
        coalesce(made_of.{{ part }}_amount, 0) as {{ part }}_amount,
        {%- endfor %}
        coalesce(made_of.amount, 0) as made_of_amount
    from {{ ref('stg_whop__payouts') }} as payouts
    inner join as_of on payouts.company_id = as_of.company_id
    left join with_ledger on payouts.company_id = with_ledger.company_id
    left join made_of on payouts.payout_id = made_of.payout_id
    left join own_lines on payouts.payout_id = own_lines.payout_id
    where payouts.created_at <= as_of.as_of
    window before_it as (
        partition by payouts.company_id, payouts.currency
        order by payouts.created_at, {{ by_bytes('payouts.payout_id') }}
        rows between unbounded preceding and 1 preceding
    )
)

select
    payout_id,
    company_id,
    created_at,
    {{ local_date('created_at') }} as created_date,
    status,
    status in {{ returned_payout_statuses() }} as is_returned,
    funds_returned_at,
    failure_code,
    requested_by,
    speed,
    trace_code,
    estimated_arrival_at,
    currency,
    amount,
    fee_amount,
    net_amount,
    destination_currency,
    destination_amount,
    exchange_rate,
    case when has_ledger then cast(ledger_lines as bigint) end as ledger_lines,
    case when has_ledger then cast(coalesce(available_before, 0) - coalesce(taken_before, 0) as decimal(38, 9)) end
        as carried_over_amount,
    {%- for part in parts %}
    case when has_ledger then cast({{ part }}_amount as decimal(38, 9)) end as {{ part }}_amount,
    {%- endfor %}
    case
        when has_ledger
            then cast(
                coalesce(available_before, 0) - coalesce(taken_before, 0) + made_of_amount - amount as decimal(38, 9)
            )
    end as left_over_amount,
    case when has_ledger then cast(coalesce(ledger_amount, 0) as decimal(38, 9)) end as ledger_amount
from known
