{{ config(**by_change('memberships', 'membership_id')) }}
with not_continued as (
    select payment_id, paid_until, lifetime_bought_at, period_end
    from {{ changed_rows(ref('int_period_ends'), 'memberships', 'membership_id') }} as ends
    where not is_continued
),

-- A payment without a rate has the last one known: of the membership's paid payments in the currency, else of the
-- company's. Only the currencies in which one is missing are looked at.
without_rate as (
    select distinct company_id, currency
    from {{ changed_rows(ref('int_paid_periods'), 'memberships', 'membership_id') }} as periods
    where fx is null and recurring_price > 0
),

paid as (
    select
        payments.payment_id,
        payments.company_id,
        payments.membership_id,
        payments.currency,
        payments.paid_at,
        case when payments.total <> 0 then payments.fx end as rate
    from {{ ref('int_payments') }} as payments
    inner join without_rate
        on payments.company_id = without_rate.company_id and payments.currency = without_rate.currency
    where payments.is_paid and payments.paid_at is not null
),

known_so_far as (
    select
        paid.*,
        count(rate) over (
            partition by company_id, currency, membership_id order by paid_at, {{ by_bytes('payment_id') }}
            rows between unbounded preceding and current row
        ) as of_membership,
        count(rate) over (
            partition by company_id, currency order by paid_at, {{ by_bytes('payment_id') }}
            rows between unbounded preceding and current row
        ) as of_company
    from paid
),

last_rates as (
    select
        payment_id,
        coalesce(
            max(rate) over (partition by company_id, currency, membership_id, of_membership),
            max(rate) over (partition by company_id, currency, of_company)
        ) as rate
    from known_so_far
),

-- Runs are told apart by a few columns: the others join when that is done, so that they need not be sorted along.
periods as (
    select
        periods.payment_id,
        periods.membership_id,
        periods.place,
        periods.currency,
        periods.recurring_price,
        periods.billing_period_days,
        not_continued.payment_id is null as is_continued,
        -- What costs nothing needs no rate, and would hang on payments of others.
        coalesce(periods.fx, case when periods.recurring_price > 0 then last_rates.rate end) as rate_then
    from {{ changed_rows(ref('int_paid_periods'), 'memberships', 'membership_id') }} as periods
    left join not_continued on periods.payment_id = not_continued.payment_id
    left join last_rates on periods.payment_id = last_rates.payment_id
),

-- A run: periods that follow one another at one price, in one currency and of one length. The rate of the first
-- holds for all of it: an exchange rate that moves is no expansion.
with_starts as (
    select
        payment_id,
        membership_id,
        place,
        rate_then,
        case
            when lag(is_continued) over payment_order
                and lag(currency) over payment_order = currency
                and lag(recurring_price) over payment_order = recurring_price
                and lag(billing_period_days) over payment_order = billing_period_days
                -- As long as no rate is known there is no MRR, and with the first one a run begins.
                and lag(rate_then) over payment_order is not null
                then 0
            else 1
        end as starts_run
    from periods
    window payment_order as (partition by membership_id order by place)
),

runs as (
    select
        payment_id,
        membership_id,
        case when starts_run = 1 then rate_then end as first_rate,
        sum(starts_run) over (
            partition by membership_id order by place rows between unbounded preceding and current row
        ) as run_number
    from with_starts
),

rates as (
    select
        payment_id,
        run_number,
        max(first_rate) over (partition by membership_id, run_number) as rate
    from runs
),

in_usd as (
    select
        periods.*,
        coalesce(not_continued.period_end, periods.next_period_start) as period_end,
        not_continued.paid_until,
        not_continued.lifetime_bought_at,
        not_continued.payment_id is null as is_continued,
        rates.run_number,
        rates.rate,
        case
            when periods.recurring_price = 0 then cast(0 as decimal(38, 9))
            else cast(periods.recurring_price * rates.rate as decimal(38, 9))
        end as recurring_price_usd
    from {{ changed_rows(ref('int_paid_periods'), 'memberships', 'membership_id') }} as periods
    inner join rates on periods.payment_id = rates.payment_id
    left join not_continued on periods.payment_id = not_continued.payment_id
)

select
    payment_id,
    company_id,
    membership_id,
    member_id,
    plan_id,
    product_id,
    promo_code_id,
    checkout_configuration_id,
    payment_method_type,
    billing_country,
    place,
    cast(run_number as bigint) as run_number,
    period_start,
    period_end,
    natural_end,
    paid_until,
    is_continued,
    lifetime_bought_at,
    charged_back_at,
    next_period_start,
    next_member_id,
    next_recurring_price,
    billing_period_days,
    currency,
    net_amount,
    recurring_price,
    cast(rate as decimal(38, 18)) as rate,
    recurring_usd,
    recurring_price_usd,
    cast({{ per_month('recurring_price_usd', 'billing_period_days') }} as decimal(38, 6)) as mrr_usd,
    cast({{ per_month('recurring_price', 'billing_period_days', 9) }} as decimal(38, 9)) as mrr_native
from in_usd
