-- What each rule takes Whop's number away from ours, by month and metric. The rules and what they rest on are told in
-- the documentation of the mart.
with as_of as (
    select company_id, as_of
    from {{ ref('int_as_of') }}
),

ours as (
    select company_id, month, charged_back_usd, fees_usd
    from {{ ref('metrics_monthly') }}
),

paid as (
    select
        payments.company_id,
        payments.currency,
        payments.total,
        payments.paid_date as our_date,
        {{ utc_date('payments.paid_at') }} as whop_date,
        coalesce(payments.gross_usd, 0) as net_usd,
        coalesce({{ to_usd('payments.total') }}, 0) as total_usd
    from {{ ref('int_payments') }} as payments
    inner join as_of on payments.company_id = as_of.company_id
    where payments.is_paid and payments.paid_at <= as_of.as_of
),

refunded as (
    select
        refunds.company_id,
        payments.currency,
        refunds.amount,
        refunds.refunded_date as our_date,
        {{ utc_date('refunds.refunded_at') }} as whop_date,
        coalesce(refunds.refunded_usd, 0) as net_usd,
        coalesce({{ to_usd('refunds.amount') }}, 0) as total_usd
    from {{ ref('int_refunds') }} as refunds
    inner join {{ ref('int_payments') }} as payments on refunds.payment_id = payments.payment_id
    inner join as_of on refunds.company_id = as_of.company_id
    where refunds.refunded_at <= as_of.as_of
),

disputed as (
    select
        payments.company_id,
        payments.paid_date as our_date,
        {{ utc_date('payments.dispute_alerted_at') }} as whop_date,
        1 as disputes
    from {{ ref('int_payments') }} as payments
    inner join as_of on payments.company_id = as_of.company_id
    where payments.paid_at <= as_of.as_of and payments.dispute_alerted_at <= as_of.as_of
),

lines as (
    select
        company_id,
        component,
        {{ month_of(utc_date('posted_at')) }} as month,
        currency,
        amount,
        coalesce(amount_usd, 0) as amount_usd
    from {{ ref('ledger') }}
),

with_ledger as (
    select distinct company_id
    from lines
),

instalments as (
    select
        payments.company_id,
        payments.paid_date,
        {{ local_date(add_days('payments.paid_at', 'terms.billing_period_days')) }} as paid_until_date,
        lead(payments.paid_date) over (
            partition by coalesce(payments.membership_id, payments.payment_id) order by payments.paid_at, {{ by_bytes('payments.payment_id') }}
        ) as next_paid_date,
        {{ per_month('coalesce(payments.gross_usd, 0)', 'terms.billing_period_days') }} as monthly_usd
    from {{ ref('int_payments') }} as payments
    inner join {{ ref('int_payment_terms') }} as terms on payments.payment_id = terms.payment_id
    where payments.is_paid and terms.is_instalment and terms.billing_period_days > 0 and terms.plan_type = 'renewal'
),

mrr_days as (
    select company_id, month, day
    from {{ ref('int_whop_numbers') }}
    where metric = 'monthly_recurring_revenue' and source_currency is null
),

dates_of_gross as (
    {{ on_other_days('paid', 'total_usd') }}
),

dates_of_refunds as (
    {{ on_other_days('refunded', 'total_usd') }}
),

dates_of_disputes as (
    {{ on_other_days('disputed', 'disputes') }}
),

-- What is left of both without tax, which is withheld and given back with them.
dates_of_net as (
    {{ on_other_days('paid', 'net_usd') }}
    union all
    {{ on_other_days('refunded', 'net_usd', '-') }}
),

dates_of_fees as (
    {{ ledger_and_ours('payment_fees', '-amount_usd', '-ours.fees_usd') }}
),

other_fees as (
    select company_id, month, -amount_usd as amount
    from lines
    where component in ('dispute_fees', 'payout_fees', 'other_fees')
),

-- Whop takes what is disputed at once and gives back what is won; we count what is lost.
disputes as (
    {{ ledger_and_ours('disputes', 'amount_usd', 'ours.charged_back_usd') }}
),

{%- for rule, table in {'tax_of_gross': 'paid', 'tax_of_refunds': 'refunded'}.items() %}

{{ rule }} as (
    select company_id, {{ month_of('our_date') }} as month, total_usd - net_usd as amount
    from {{ table }}
    where total_usd <> net_usd
),
{%- endfor %}
{%- for rule, column in {'tax_of_mrr': 'tax_usd', 'grace': 'grace_usd', 'paused': 'paused_usd'}.items() %}

{{ rule }} as (
    select company_id, month, {{ column }} as amount
    from {{ ref('int_mrr_on_whop_days') }}
),
{%- endfor %}

instalments_of_mrr as (
    select mrr_days.company_id, mrr_days.month, instalments.monthly_usd as amount
    from mrr_days
    inner join instalments
        on mrr_days.company_id = instalments.company_id
        and instalments.paid_date <= mrr_days.day
        and least(instalments.paid_until_date, instalments.next_paid_date) > mrr_days.day
),

-- What money in each currency was worth to us, by metric and month.
our_money as (
    select company_id, 'gross_revenue' as metric, {{ month_of('our_date') }} as month, currency, total as native, total_usd as usd
    from paid
    union all
    select company_id, 'total_refunded', {{ month_of('our_date') }}, currency, amount, total_usd
    from refunded
    union all
    select company_id, 'fees', month, currency, -amount, -amount_usd
    from lines
    where component in ('payment_fees', 'dispute_fees', 'payout_fees', 'other_fees')
    union all
    select company_id, 'monthly_recurring_revenue', month, currency, mrr_native, mrr_usd
    from {{ ref('int_mrr_on_whop_days') }}
),

our_rates as (
    select
        company_id,
        metric,
        month,
        currency,
        cast(sum(native) as decimal(38, 9)) as native,
        cast(sum(usd) as decimal(38, 9)) as usd
    from our_money
    group by company_id, metric, month, currency
),

-- Whop's money in each currency at our rates; of a month with a currency that we have no rate for, it is not known.
at_our_rates as (
    select
        numbers.company_id,
        numbers.metric,
        numbers.month,
        case
            when count(*) = count(
                case when numbers.value = 0 or numbers.source_currency = 'usd' or our_rates.native <> 0 then 1 end
            )
                then sum(
                    case
                        when numbers.value = 0 then 0
                        when numbers.source_currency = 'usd' then numbers.value
                        else {{ share('numbers.value', 'our_rates.usd', 'our_rates.native') }}
                    end
                )
        end as value_usd
    from {{ ref('int_whop_numbers') }} as numbers
    left join our_rates
        on numbers.company_id = our_rates.company_id
        and numbers.metric = our_rates.metric
        and numbers.month = our_rates.month
        and numbers.source_currency = our_rates.currency
    where numbers.source_currency is not null
    group by numbers.company_id, numbers.metric, numbers.month
),

currency as (
    select
        at_our_rates.company_id,
        at_our_rates.month,
        at_our_rates.metric,
        numbers.value - at_our_rates.value_usd as amount
    from at_our_rates
    inner join {{ ref('int_whop_numbers') }} as numbers
        on at_our_rates.company_id = numbers.company_id
        and at_our_rates.metric = numbers.metric
        and at_our_rates.month = numbers.month
        and numbers.source_currency is null
    where at_our_rates.value_usd is not null
),

{%- set parts = [
    ('gross_revenue', 'dates', 'dates_of_gross', 1), ('gross_revenue', 'tax', 'tax_of_gross', 1),
    ('total_refunded', 'dates', 'dates_of_refunds', 1), ('total_refunded', 'tax', 'tax_of_refunds', 1),
    ('fees', 'dates', 'dates_of_fees', 1), ('fees', 'other_fees', 'other_fees', 1),
    ('disputes', 'dates', 'dates_of_disputes', 1),
    ('net_revenue', 'dates', 'dates_of_net', 1), ('net_revenue', 'dates', 'dates_of_fees', -1),
    ('net_revenue', 'other_fees', 'other_fees', -1), ('net_revenue', 'disputes', 'disputes', 1),
    ('monthly_recurring_revenue', 'tax', 'tax_of_mrr', 1), ('monthly_recurring_revenue', 'grace', 'grace', 1),
    ('monthly_recurring_revenue', 'paused', 'paused', 1),
    ('monthly_recurring_revenue', 'instalments', 'instalments_of_mrr', 1)
] %}

parts as (
    {%- for metric, rule, table, sign in parts %}
    select
        company_id,
        month,
        '{{ metric }}' as metric,
        '{{ rule }}' as rule,
        cast({{ '-' if sign < 0 }}amount as decimal(38, 9)) as amount
    from {{ table }}
    union all
    {%- endfor %}
    select company_id, month, metric, 'currency', cast(amount as decimal(38, 9))
    from currency
    union all
    -- Net revenue is made of the three, and Whop does not split it.
    select
        company_id,
        month,
        'net_revenue',
        'currency',
        cast(case when metric = 'gross_revenue' then amount else -amount end as decimal(38, 9))
    from currency
    where metric in ('gross_revenue', 'total_refunded', 'fees')
),

with_yearly as (
    select company_id, month, metric, rule, amount
    from parts
    union all
    select company_id, month, 'annual_recurring_revenue', rule, cast(12 * amount as decimal(38, 9))
    from parts
    where metric = 'monthly_recurring_revenue'
)

select
    company_id,
    month,
    metric,
    rule,
    cast(sum(amount) as decimal(38, 9)) as amount
from with_yearly
group by company_id, month, metric, rule
having sum(amount) <> 0
