{#-
    The CTEs as_of to rates_and_lumps: recurring gross is earned by day. Instead of a row per payment and day, each
    payment adds a daily rate (a numerator over a number of days) on the day it starts and takes it away on the day it
    stops; amounts earned or taken back at once are lumps. What is earned to date is the sum of rate x days since. A macro
    and not a model: the unit tests of revenue_recognition_monthly play payments into it.
-#}
{% macro earnings() %}
as_of as (
    select company_id, as_of, as_of_date
    from {{ ref('int_as_of') }}
),

-- What a dispute took is taken back like a refund.
given_back as (
    select payment_id, company_id, refund_key, refunded_at, refunded_date, refunded_usd
    from {{ ref('int_refunds') }}
    union all
    select payment_id, company_id, chargeback_key, charged_back_at, charged_back_date, charged_back_usd
    from {{ ref('int_chargebacks') }}
),

refunds_by_now as (
    select
        refunds.payment_id,
        refunds.refund_key,
        refunds.refunded_at,
        refunds.refunded_date,
        refunds.refunded_usd
    from given_back as refunds
    inner join as_of on refunds.company_id = as_of.company_id
    where refunds.refunded_at <= as_of.as_of and refunds.refunded_usd > 0
),

refunded_payments as (
    select payment_id
    from refunds_by_now
    group by payment_id
),

-- What is paid for a change within a period is earned by the end of that period.
updates as (
    select payment_id, natural_end
    from {{ ref('int_paid_periods') }}
    where keeps_end
),

payments as (
    select
        payments.payment_id,
        payments.company_id,
        payments.paid_date,
        case when payments.paid_at <= as_of.as_of then coalesce(payments.gross_usd, 0) else 0 end as gross_usd,
        case when payments.paid_at <= as_of.as_of then coalesce(payments.recurring_usd, 0) else 0 end as recurring_usd,
        -- The days a one-time payment is earned in do not matter: nothing of it is recurring.
        cast(
            case
                when updates.payment_id is not null
                    then greatest({{ days_between('payments.paid_date', local_date('updates.natural_end')) }}, 1)
                when payments.is_counted then payments.billing_period_days
                else 1
            end as bigint
        ) as days
    from {{ ref('int_payments') }} as payments
    inner join as_of on payments.company_id = as_of.company_id
    left join refunded_payments on payments.payment_id = refunded_payments.payment_id
    left join updates on payments.payment_id = updates.payment_id
    where payments.paid_at <= as_of.as_of or refunded_payments.payment_id is not null
),

-- The day of a refund is not earned any more, as it does not count for MRR.
takebacks as (
    select
        payments.payment_id,
        payments.company_id,
        payments.paid_date,
        payments.days,
        payments.recurring_usd,
        refunds.refund_key,
        refunds.refunded_at,
        refunds.refunded_date,
        refunds.refunded_usd,
        greatest(refunds.refunded_date, payments.paid_date) as takeback_date,
        cast(
            payments.days - least(greatest({{ days_between('payments.paid_date', 'refunds.refunded_date') }}, 0), payments.days) as bigint
        ) as days_left
    from refunds_by_now as refunds
    inner join payments on refunds.payment_id = payments.payment_id
),

-- Each refund takes its share of the days left from what every one of them earns.
daily_shares as (
    select
        takebacks.*,
        coalesce(
            sum({{ divide('refunded_usd', 'days_left', 18) }}) over (
                partition by payment_id order by takeback_date, refunded_at, {{ by_bytes('refund_key') }}
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as taken_per_day_before
    from takebacks
),

-- Until one takes all that is left to earn; from then on refunds come off what was earned.
exhausting as (
    select
        daily_shares.*,
        refunded_usd * days >= (recurring_usd - taken_per_day_before * days) * days_left as takes_all
    from daily_shares
),

ranked as (
    select
        exhausting.*,
        sum(case when takes_all then 1 else 0 end) over (
            partition by payment_id order by takeback_date, refunded_at, {{ by_bytes('refund_key') }}
            rows between unbounded preceding and current row
        ) as takers_so_far
    from exhausting
),

last_takebacks as (
    select payment_id, takeback_date, days_left
    from ranked
    where takes_all and takers_so_far = 1
),

partial_takebacks as (
    select
        ranked.company_id,
        ranked.paid_date,
        ranked.days,
        ranked.takeback_date,
        ranked.days_left,
        ranked.refunded_usd,
        last_takebacks.takeback_date as last_takeback_date,
        last_takebacks.days_left as last_days_left
    from ranked
    left join last_takebacks on ranked.payment_id = last_takebacks.payment_id
    where ranked.takers_so_far = 0
),

rates_and_lumps as (
    -- paid: the recurring part starts to be earned, the rest is earned at once
    select
        company_id,
        paid_date as received_date,
        paid_date as event_date,
        days as divisor,
        sum(recurring_usd) as rate,
        sum((gross_usd - recurring_usd) * days) as lump
    from payments
    where gross_usd <> 0
    group by company_id, paid_date, days
    union all
    -- earned to the last day, or to the refund that takes back all that is left
    select
        payments.company_id,
        payments.paid_date,
        payments.paid_date + cast(payments.days - coalesce(last_takebacks.days_left, 0) as integer),
        payments.days,
        -sum(payments.recurring_usd),
        0
    from payments
    left join last_takebacks on payments.payment_id = last_takebacks.payment_id
    where payments.recurring_usd <> 0
    group by payments.company_id, payments.paid_date, payments.days, last_takebacks.days_left
    union all
    -- a refund of less than what is deferred leaves less to earn on each day that is left
    select company_id, paid_date, takeback_date, days_left, -refunded_usd, 0
    from partial_takebacks
    union all
    -- until the last day, or the refund that takes back the rest: what is left then is earned at once ...
    select
        company_id,
        paid_date,
        paid_date + cast(days - coalesce(last_days_left, 0) as integer),
        days_left,
        refunded_usd,
        -refunded_usd * coalesce(last_days_left, 0)
    from partial_takebacks
    union all
    -- ... and given back with the refund: the difference comes off what was earned
    select company_id, paid_date, takeback_date, days, 0, recurring_usd * days_left - refunded_usd * days
    from ranked
    where takes_all and takers_so_far = 1
    union all
    select company_id, paid_date, takeback_date, 1, 0, -refunded_usd
    from ranked
    where takers_so_far > 1 or (takers_so_far = 1 and not takes_all)
    union all
    -- a refund dated before the payment: taken back at once, and put right on the day of the payment
    select company_id, paid_date, refunded_date, 1, 0, -refunded_usd
    from takebacks
    where refunded_date < paid_date
    union all
    select company_id, paid_date, paid_date, 1, 0, refunded_usd
    from takebacks
    where refunded_date < paid_date
)
{% endmacro %}
