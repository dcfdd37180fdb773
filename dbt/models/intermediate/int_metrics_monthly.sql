{#- What is counted, and which of it are sums of money. -#}
{%- set measures = [
    'gross_usd', 'one_time_gross_usd', 'refunded_usd', 'charged_back_usd', 'fees_usd', 'net_usd', 'payments_paid',
    'disputes', 'disputes_of_paid', 'payments_without_usd', 'payments_without_fees', 'failed_payments',
    'recovered_payments', 'at_risk_usd', 'recovered_usd', 'trials_started', 'trials_converted'
] -%}
{#- The company as a whole, and the dimensions it is cut along. -#}
{%- set dimensions = {'all': "'all'", 'plan': 'plan_id', 'product': 'product_id', 'country': 'country'} -%}

with as_of as (
    select company_id, as_of, as_of_date
    from {{ ref('int_as_of') }}
),

mrr as (
    select
        company_id,
        'all' as dimension,
        'all' as value,
        month,
        mrr_start_usd,
        new_usd + reactivation_usd + expansion_usd as gained_usd,
        -(churn_usd + contraction_usd) as lost_usd,
        mrr_end_usd,
        customers_start,
        customers_end
    from {{ ref('mrr_monthly') }}
    union all
    select
        company_id,
        dimension,
        value,
        month,
        mrr_start_usd,
        new_usd + reactivation_usd + expansion_usd,
        -(churn_usd + contraction_usd),
        mrr_end_usd,
        customers_start,
        customers_end
    from {{ ref('mrr_monthly_by_segment') }}
    where dimension in ('plan', 'product', 'country')
),

-- Members without a movement end the month as they started it, so only the others need counting.
starting_members as (
    select
        company_id,
        dimension,
        value,
        month,
        sum(mrr_end_usd - mrr_start_usd) as change_usd,
        sum(least(mrr_end_usd, mrr_start_usd) - mrr_start_usd) as loss_usd,
        count(case when mrr_end_usd = 0 then 1 end) as customers_lost
    from {{ ref('int_member_months') }}
    where mrr_start_usd > 0
    group by company_id, dimension, value, month
),

unpaid as (
    select
        company_id,
        'all' as dimension,
        'all' as value,
        sum(mrr_usd) as mrr_unpaid_usd
    from {{ ref('fct_subscriptions') }}
    where is_unpaid
    group by company_id
    union all
    select
        changes.company_id,
        changes.dimension,
        changes.value,
        sum(changes.change_usd)
    from {{ ref('int_segment_changes') }} as changes
    inner join {{ ref('fct_subscriptions') }} as subscriptions
        on changes.membership_id = subscriptions.membership_id and subscriptions.is_unpaid
    where changes.dimension in ('plan', 'product', 'country')
    group by changes.company_id, changes.dimension, changes.value
),

revenue as (
    select
        company_id,
        {{ month_of('event_date') }} as month,
        plan_id,
        product_id,
        billing_country as country,
        sum(gross_usd) as gross_usd,
        sum(one_time_gross_usd) as one_time_gross_usd,
        sum(refunded_usd) as refunded_usd,
        sum(charged_back_usd) as charged_back_usd,
        sum(fees_usd) as fees_usd,
        sum(net_usd) as net_usd
    from {{ ref('int_money_events') }}
    group by company_id, {{ month_of('event_date') }}, plan_id, product_id, billing_country
),

ever_paid as (
    select
        payments.company_id,
        {{ month_of('payments.paid_date') }} as month,
        payments.plan_id,
        payments.product_id,
        payments.billing_country as country,
        payments.is_paid,
        coalesce(left(payments.substatus, 8) = 'dispute_', false)
        or coalesce(payments.dispute_alerted_at <= as_of.as_of, false) as is_disputed,
        payments.gross_usd is null
        or payments.refunded_usd is null
        or payments.charged_back_usd is null as is_without_usd,
        payments.fees_usd is null as is_without_fees
    from {{ ref('int_payments') }} as payments
    inner join as_of on payments.company_id = as_of.company_id
    where payments.paid_at <= as_of.as_of
),

payments as (
    select
        company_id,
        month,
        plan_id,
        product_id,
        country,
        count(case when is_paid then 1 end) as payments_paid,
        count(case when is_disputed then 1 end) as disputes,
        -- A disputed payment may not be paid any more: the rate is of those that are.
        count(case when is_disputed and is_paid then 1 end) as disputes_of_paid,
        count(case when is_without_usd then 1 end) as payments_without_usd,
        count(case when is_without_fees then 1 end) as payments_without_fees
    from ever_paid
    group by company_id, month, plan_id, product_id, country
),

failures as (
    select
        payments.company_id,
        {{ month_of('payments.created_date') }} as month,
        payments.plan_id,
        payments.product_id,
        payments.billing_country as country,
        count(*) as failed_payments,
        count(case when payments.is_paid and payments.paid_at <= as_of.as_of then 1 end) as recovered_payments,
        count(
            case when payments.amount_usd is null and coalesce(payments.paid_at > as_of.as_of, true) then 1 end
        ) as payments_without_usd,
        sum(coalesce(payments.amount_usd, 0)) as at_risk_usd,
        sum(
            case
                when payments.is_paid and payments.paid_at <= as_of.as_of then coalesce(payments.gross_usd, 0)
                else 0
            end
        ) as recovered_usd
    from {{ ref('int_payments') }} as payments
    inner join as_of on payments.company_id = as_of.company_id
    where payments.is_failed and payments.created_at <= as_of.as_of
    group by
        payments.company_id,
        {{ month_of('payments.created_date') }},
        payments.plan_id,
        payments.product_id,
        payments.billing_country
),

trial_memberships as (
    select
        trials.company_id,
        {{ month_of(local_date('trials.trial_started_at')) }} as month,
        trials.plan_id,
        trials.product_id,
        trials.country,
        subscriptions.membership_id is not null as is_converted
    from {{ ref('int_trials') }} as trials
    inner join as_of on trials.company_id = as_of.company_id
    left join {{ ref('fct_subscriptions') }} as subscriptions on trials.membership_id = subscriptions.membership_id
    where trials.trial_started_at <= as_of.as_of
),

trials as (
    select
        company_id,
        month,
        plan_id,
        product_id,
        country,
        count(*) as trials_started,
        count(case when is_converted then 1 end) as trials_converted
    from trial_memberships
    group by company_id, month, plan_id, product_id, country
),

{%- set counted_in = {
    'revenue': measures[:6],
    'payments': measures[6:11],
    'failures': ['payments_without_usd', 'failed_payments', 'recovered_payments', 'at_risk_usd', 'recovered_usd'],
    'trials': measures[15:]
} %}

facts as (
    {%- for table, counted in counted_in.items() %}
    select
        company_id,
        month,
        plan_id,
        product_id,
        country
        {%- for measure in measures %},
        {{ measure if measure in counted else 0 }} as {{ measure }}
        {%- endfor %}
    from {{ table }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

sums as (
    {%- for dimension, value in dimensions.items() %}
    select
        company_id,
        '{{ dimension }}' as dimension,
        coalesce({{ value }}, 'none') as value,
        month
        {%- for measure in measures %},
        sum({{ measure }}) as {{ measure }}
        {%- endfor %}
    from facts
    group by company_id, coalesce({{ value }}, 'none'), month
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

months_with_events as (
    select company_id, dimension, value, month from mrr
    union
    select company_id, dimension, value, month from sums
),

first_months as (
    select company_id, dimension, value, min(month) as first_month
    from months_with_events
    group by company_id, dimension, value
),

months as (
    select
        first_months.company_id,
        first_months.dimension,
        first_months.value,
        {{ month_of('as_of.as_of_date') }} as last_month,
        {{ each('month', 'first_months.first_month', 'as_of.as_of_date') }} as month
    from first_months
    inner join as_of on first_months.company_id = as_of.company_id
)

select
    months.company_id,
    months.dimension,
    months.value,
    months.month,
    cast(coalesce(mrr.mrr_start_usd, 0) as decimal(38, 6)) as mrr_start_usd,
    cast(coalesce(mrr.mrr_end_usd, 0) as decimal(38, 6)) as mrr_end_usd,
    cast(
        case when months.month = months.last_month then coalesce(unpaid.mrr_unpaid_usd, 0) end as decimal(38, 6)
    ) as mrr_unpaid_usd,
    cast(coalesce(mrr.customers_start, 0) as bigint) as customers_start,
    cast(coalesce(mrr.customers_end, 0) as bigint) as customers_end,
    cast(coalesce(mrr.gained_usd, 0) as decimal(38, 6)) as gained_usd,
    cast(coalesce(mrr.lost_usd, 0) as decimal(38, 6)) as lost_usd,
    cast(
        coalesce(mrr.mrr_start_usd, 0) + coalesce(starting_members.change_usd, 0) as decimal(38, 6)
    ) as starting_members_mrr_end_usd,
    cast(
        coalesce(mrr.mrr_start_usd, 0) + coalesce(starting_members.loss_usd, 0) as decimal(38, 6)
    ) as starting_members_mrr_kept_usd,
    cast(coalesce(starting_members.customers_lost, 0) as bigint) as customers_lost
    {%- for measure in measures %},
    cast(
        coalesce(sums.{{ measure }}, 0) as {{ 'decimal(38, 9)' if measure.endswith('_usd') and measure != 'payments_without_usd' else 'bigint' }}
    ) as {{ measure }}
    {%- endfor %}
from months
left join mrr
    on months.company_id = mrr.company_id
    and months.dimension = mrr.dimension
    and months.value = mrr.value
    and months.month = mrr.month
left join starting_members
    on months.company_id = starting_members.company_id
    and months.dimension = starting_members.dimension
    and months.value = starting_members.value
    and months.month = starting_members.month
left join unpaid
    on months.company_id = unpaid.company_id
    and months.dimension = unpaid.dimension
    and months.value = unpaid.value
left join sums
    on months.company_id = sums.company_id
    and months.dimension = sums.dimension
    and months.value = sums.value
    and months.month = sums.month
