-- What is earned to date is the sum of rate x days since, and of the lumps: see the macro.
with
{{ earnings() }},

events as (
    select
        events.company_id,
        events.divisor,
        {{ month_of('events.event_date') }} as month,
        sum(events.rate) as rate,
        sum(events.rate * {{ days_between("date '2000-01-01'", 'events.event_date') }}) as rate_since,
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
        sum(refunded_usd + charged_back_usd) as refunded_usd
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
            {{ days_between("date '2000-01-01'", 'least(' ~ last_day_of('running.month') ~ ', as_of.as_of_date)') }} + 1
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
