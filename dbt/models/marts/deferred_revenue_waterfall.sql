with as_of as (
    select company_id, as_of_date, {{ month_of('as_of_date') }} as as_of_month
    from {{ ref('int_as_of') }}
),

-- To the end of each month, and once more to the end of the day of as_of: what lies after that is still to be earned.
spans as (
    select
        earnings.company_id,
        earnings.received_month,
        min({{ month_of('earnings.event_date') }}) as first_month,
        max(earnings.event_date) as last_date
    from {{ ref('int_earnings') }} as earnings
    group by earnings.company_id, earnings.received_month
),

months as (
    select
        spans.company_id,
        spans.received_month,
        {{ each('month', 'spans.first_month', 'spans.last_date') }} as month
    from spans
),

moments as (
    select company_id, received_month, month, {{ last_day_of('month') }} as date, false as is_as_of
    from months
    union all
    select months.company_id, months.received_month, months.month, as_of.as_of_date, true
    from months
    inner join as_of on months.company_id = as_of.company_id and months.month = as_of.as_of_month
    where as_of.as_of_date < {{ last_day_of('months.month') }}
),

earned as (
    select
        moments.company_id,
        moments.received_month,
        moments.month,
        moments.date,
        earnings.divisor,
        sum(earnings.rate * ({{ days_between('earnings.event_date', 'moments.date') }} + 1) + earnings.lump) as earned_times_divisor
    from moments
    inner join {{ ref('int_earnings') }} as earnings
        on moments.company_id = earnings.company_id
        and moments.received_month = earnings.received_month
        and moments.date >= earnings.event_date
    group by moments.company_id, moments.received_month, moments.month, moments.date, earnings.divisor
),

to_date as (
    select
        company_id,
        received_month,
        month,
        date,
        sum({{ divide('earned_times_divisor', 'divisor', 9) }}) as earned_to_date_usd
    from earned
    group by company_id, received_month, month, date
),

pieces as (
    select
        to_date.company_id,
        to_date.received_month,
        to_date.month,
        to_date.date <= as_of.as_of_date as is_earned,
        to_date.earned_to_date_usd - coalesce(
            lag(to_date.earned_to_date_usd) over (
                partition by to_date.company_id, to_date.received_month order by to_date.date
            ), 0
        ) as amount_usd
    from to_date
    inner join as_of on to_date.company_id = as_of.company_id
),

months_earned as (
    select
        company_id,
        received_month,
        month as earning_month,
        cast(sum(case when is_earned then amount_usd else 0 end) as decimal(38, 9)) as earned_usd,
        cast(sum(case when is_earned then 0 else amount_usd end) as decimal(38, 9)) as to_earn_usd
    from pieces
    group by company_id, received_month, month
)

select company_id, received_month, earning_month, earned_usd, to_earn_usd
from months_earned
-- What is left of rounding is no amount.
where abs(earned_usd) >= 0.0000005 or abs(to_earn_usd) >= 0.0000005
