-- Recurring gross is earned by day. Instead of a row per payment and day, each payment adds a daily rate
-- (a numerator over a number of days) on the day it starts and takes it away on the day it stops; amounts
-- earned or taken back at once are lumps. What is earned to date is the sum of rate x days since.
with as_of as (
    select company_id, as_of, as_of_date
    from {{ ref('int_as_of') }}
),

payments as (
    select
        payments.company_id,
        payments.paid_date,
        case when payments.paid_at <= as_of.as_of then coalesce(payments.gross_usd, 0) else 0 end as gross_usd,
        case when payments.paid_at <= as_of.as_of then payments.recurring_usd else 0 end as recurring_usd,
        -- The days a one-time payment is earned in do not matter: nothing of it is recurring.
        case when payments.is_counted then payments.billing_period_days else 1 end as days,
        case when payments.refunded_at <= as_of.as_of then payments.refunded_usd else 0 end as refunded_usd,
        case
            when payments.refunded_at <= as_of.as_of and payments.refunded_usd > 0 then payments.refunded_date
        end as refunded_date
    from {{ ref('int_payments') }} as payments
    inner join as_of on payments.company_id = as_of.company_id
    where payments.paid_at <= as_of.as_of or payments.refunded_at <= as_of.as_of
),

-- The day of a refund is not earned any more, as it does not count for MRR.
earned_until_refund as (
    select
        payments.*,
        case when refunded_date is not null then greatest(refunded_date, paid_date) end as takeback_date,
        cast(least(greatest(refunded_date - paid_date, 0), days) as bigint) as days_earned
    from payments
),

takebacks as (
    select
        earned_until_refund.*,
        cast(days - days_earned as bigint) as days_left,
        refunded_usd * days >= recurring_usd * (days - days_earned) as takes_back_all_deferred
    from earned_until_refund
),

rates_and_lumps as (
    -- paid: the recurring part starts to be earned, the rest is earned at once
    select
        company_id,
        paid_date as event_date,
        days as divisor,
        recurring_usd as rate,
        (gross_usd - recurring_usd) * days as lump
    from takebacks
    where gross_usd <> 0
    union all
    -- earned to the last day, or to the refund that takes back all that is left
    select
        company_id,
        paid_date + cast(case when takes_back_all_deferred then days_earned else days end as integer),
        days,
        -recurring_usd,
        0
    from takebacks
    where recurring_usd <> 0
    union all
    -- a refund of more than what is deferred takes the difference from what was earned
    select
        company_id,
        takeback_date,
        days,
        0,
        recurring_usd * days_left - refunded_usd * days
    from takebacks
    where takeback_date is not null and takes_back_all_deferred
    union all
    -- a refund of less leaves less to earn on each day that is left
    select company_id, takeback_date, days_left, -refunded_usd, 0
    from takebacks
    where takeback_date is not null and not takes_back_all_deferred
    union all
    select company_id, paid_date + cast(days as integer), days_left, refunded_usd, 0
    from takebacks
    where takeback_date is not null and not takes_back_all_deferred
    union all
    -- a refund dated before the payment: taken back at once, and put right on the day of the payment
    select company_id, refunded_date, 1, 0, -refunded_usd
    from takebacks
    where refunded_date < paid_date
    union all
    select company_id, paid_date, 1, 0, refunded_usd
    from takebacks
    where refunded_date < paid_date
),

events as (
    select
        events.company_id,
        events.divisor,
        {{ month_of('events.event_date') }} as month,
        sum(events.rate) as rate,
        sum(events.rate * (events.event_date - date '2000-01-01')) as rate_since,
        sum(events.lump) as lump
    from rates_and_lumps as events
    inner join as_of on events.company_id = as_of.company_id
    where events.event_date <= as_of.as_of_date
    group by events.company_id, events.divisor, {{ month_of('events.event_date') }}
),

revenue as (
    select
        company_id,
        {{ month_of('event_date') }} as month,
        sum(gross_usd) as gross_usd,
        sum(refunded_usd) as refunded_usd
    from {{ ref('int_money_events') }}
    group by company_id, {{ month_of('event_date') }}
),

first_months as (
    select company_id, min(month) as first_month
    from events
    group by company_id
),

months as (
    select
        first_months.company_id,
        {{ each('month', 'first_months.first_month', 'as_of.as_of_date') }} as month
    from first_months
    inner join as_of on first_months.company_id = as_of.company_id
),

divisors as (
    select distinct company_id, divisor
    from events
),

running as (
    select
        months.company_id,
        months.month,
        divisors.divisor,
        sum(coalesce(events.rate, 0)) over to_date as rate,
        sum(coalesce(events.rate_since, 0)) over to_date as rate_since,
        sum(coalesce(events.lump, 0)) over to_date as lump
    from months
    inner join divisors on months.company_id = divisors.company_id
    left join events
        on months.company_id = events.company_id
        and months.month = events.month
        and divisors.divisor = events.divisor
    window to_date as (
        partition by months.company_id, divisors.divisor order by months.month
        rows between unbounded preceding and current row
    )
),

earned as (
    select
        running.company_id,
        running.month,
        running.divisor,
        running.rate * (
            least({{ last_day_of('running.month') }}, as_of.as_of_date) + 1 - date '2000-01-01'
        ) - running.rate_since + running.lump as earned_times_divisor
    from running
    inner join as_of on running.company_id = as_of.company_id
),

recognized as (
    select
        company_id,
        month,
        sum({{ divide('earned_times_divisor', 'divisor', 9) }}) as recognized_to_date_usd
    from earned
    group by company_id, month
),

to_date_totals as (
    select
        recognized.company_id,
        recognized.month,
        recognized.recognized_to_date_usd,
        coalesce(
            lag(recognized.recognized_to_date_usd) over (
                partition by recognized.company_id order by recognized.month
            ), 0
        ) as recognized_before_usd,
        sum(coalesce(revenue.gross_usd, 0) - coalesce(revenue.refunded_usd, 0)) over (
            partition by recognized.company_id order by recognized.month
            rows between unbounded preceding and current row
        ) as billed_to_date_usd
    from recognized
    left join revenue
        on recognized.company_id = revenue.company_id
        and recognized.month = revenue.month
)

select
    company_id,
    month,
    cast(recognized_to_date_usd - recognized_before_usd as decimal(38, 9)) as recognized_usd,
    cast(billed_to_date_usd - recognized_to_date_usd as decimal(38, 9)) as deferred_end_usd,
    cast(recognized_to_date_usd as decimal(38, 9)) as recognized_to_date_usd,
    cast(billed_to_date_usd as decimal(38, 9)) as billed_to_date_usd
from to_date_totals
