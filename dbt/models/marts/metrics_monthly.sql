with as_of as (
    select company_id, as_of, as_of_date
    from {{ ref('int_as_of') }}
),

mrr as (
    select
        company_id,
        month,
        mrr_start_usd,
        new_usd,
        reactivation_usd,
        expansion_usd,
        contraction_usd,
        churn_usd,
        mrr_end_usd,
        customers_start,
        customers_end
    from {{ ref('mrr_monthly') }}
),

-- Members without a movement end the month as they started it, so only the others need counting.
starting_members as (
    select
        company_id,
        month,
        sum(mrr_end_usd - mrr_start_usd) as change_usd,
        sum(least(mrr_end_usd, mrr_start_usd) - mrr_start_usd) as loss_usd,
        count(case when mrr_end_usd = 0 then 1 end) as customers_lost
    from {{ ref('int_member_months') }}
    where mrr_start_usd > 0
    group by company_id, month
),

revenue as (
    select
        company_id,
        {{ month_of('event_date') }} as month,
        sum(gross_usd) as gross_usd,
        sum(one_time_gross_usd) as one_time_gross_usd,
        sum(refunded_usd) as refunded_usd,
        sum(fees_usd) as fees_usd,
        sum(net_usd) as net_usd
    from {{ ref('int_money_events') }}
    group by company_id, {{ month_of('event_date') }}
),

ever_paid as (
    select
        payments.company_id,
        {{ month_of('payments.paid_date') }} as month,
        payments.is_paid,
        coalesce(left(payments.substatus, 8) = 'dispute_', false)
        or coalesce(payments.dispute_alerted_at <= as_of.as_of, false) as is_disputed,
        payments.gross_usd is null or payments.refunded_usd is null as is_without_usd,
        payments.fees_usd is null as is_without_fees
    from {{ ref('int_payments') }} as payments
    inner join as_of on payments.company_id = as_of.company_id
    where payments.paid_at <= as_of.as_of
),

payments as (
    select
        company_id,
        month,
        count(case when is_paid then 1 end) as payments_paid,
        count(case when is_disputed then 1 end) as disputes,
        -- A disputed payment may not be paid any more: the rate is of those that are.
        count(case when is_disputed and is_paid then 1 end) as disputes_of_paid,
        count(case when is_without_usd then 1 end) as payments_without_usd,
        count(case when is_without_fees then 1 end) as payments_without_fees
    from ever_paid
    group by company_id, month
),

failures as (
    select
        payments.company_id,
        {{ month_of('payments.created_date') }} as month,
        count(*) as failed_payments,
        count(case when payments.is_paid and payments.paid_at <= as_of.as_of then 1 end) as recovered_payments,
        count(
            case when payments.amount_usd is null and coalesce(payments.paid_at > as_of.as_of, true) then 1 end
        ) as failed_without_usd,
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
    group by payments.company_id, {{ month_of('payments.created_date') }}
),

memberships_with_counted_payment as (
    select distinct membership_id
    from {{ ref('fct_subscription_periods') }}
),

trial_memberships as (
    select
        memberships.company_id,
        memberships.membership_id,
        {{ local_date('memberships.created_at') }} as created_date
    from {{ ref('stg_whop__memberships') }} as memberships
    inner join {{ ref('base_whop__plans') }} as plans on memberships.plan_id = plans.plan_id
    inner join as_of on memberships.company_id = as_of.company_id
    where plans.trial_period_days > 0 and memberships.created_at <= as_of.as_of
),

trials as (
    select
        trial_memberships.company_id,
        {{ month_of('trial_memberships.created_date') }} as month,
        count(*) as trials_started,
        count(converted.membership_id) as trials_converted
    from trial_memberships
    left join memberships_with_counted_payment as converted
        on trial_memberships.membership_id = converted.membership_id
    group by trial_memberships.company_id, {{ month_of('trial_memberships.created_date') }}
),

months_with_events as (
    select company_id, month from mrr
    union
    select company_id, month from revenue
    union
    select company_id, month from payments
    union
    select company_id, month from failures
    union
    select company_id, month from trials
),

first_months as (
    select company_id, min(month) as first_month
    from months_with_events
    group by company_id
),

months as (
    select
        first_months.company_id,
        {{ each('month', 'first_months.first_month', 'as_of.as_of_date') }} as month
    from first_months
    inner join as_of on first_months.company_id = as_of.company_id
),

counted as (
    select
        months.company_id,
        months.month,
        coalesce(mrr.mrr_start_usd, 0) as mrr_start_usd,
        coalesce(mrr.mrr_end_usd, 0) as mrr_end_usd,
        coalesce(mrr.customers_start, 0) as customers_start,
        coalesce(mrr.customers_end, 0) as customers_end,
        coalesce(mrr.new_usd + mrr.reactivation_usd + mrr.expansion_usd, 0) as gained_usd,
        coalesce(-(mrr.churn_usd + mrr.contraction_usd), 0) as lost_usd,
        coalesce(mrr.mrr_start_usd, 0) + coalesce(starting_members.change_usd, 0) as starting_members_mrr_end_usd,
        coalesce(mrr.mrr_start_usd, 0) + coalesce(starting_members.loss_usd, 0) as starting_members_mrr_kept_usd,
        coalesce(starting_members.customers_lost, 0) as customers_lost,
        coalesce(revenue.gross_usd, 0) as gross_usd,
        coalesce(revenue.one_time_gross_usd, 0) as one_time_gross_usd,
        coalesce(revenue.refunded_usd, 0) as refunded_usd,
        coalesce(revenue.fees_usd, 0) as fees_usd,
        coalesce(revenue.net_usd, 0) as net_usd,
        coalesce(payments.payments_paid, 0) as payments_paid,
        coalesce(payments.disputes, 0) as disputes,
        coalesce(payments.disputes_of_paid, 0) as disputes_of_paid,
        coalesce(payments.payments_without_usd, 0) + coalesce(failures.failed_without_usd, 0) as payments_without_usd,
        coalesce(payments.payments_without_fees, 0) as payments_without_fees,
        coalesce(failures.failed_payments, 0) as failed_payments,
        coalesce(failures.recovered_payments, 0) as recovered_payments,
        coalesce(failures.at_risk_usd, 0) as at_risk_usd,
        coalesce(failures.recovered_usd, 0) as recovered_usd,
        coalesce(trials.trials_started, 0) as trials_started,
        coalesce(trials.trials_converted, 0) as trials_converted
    from months
    left join mrr on months.company_id = mrr.company_id and months.month = mrr.month
    left join starting_members
        on months.company_id = starting_members.company_id and months.month = starting_members.month
    left join revenue on months.company_id = revenue.company_id and months.month = revenue.month
    left join payments on months.company_id = payments.company_id and months.month = payments.month
    left join failures on months.company_id = failures.company_id and months.month = failures.month
    left join trials on months.company_id = trials.company_id and months.month = trials.month
)

select
    company_id,
    month,
    cast(mrr_start_usd as decimal(38, 6)) as mrr_start_usd,
    cast(mrr_end_usd as decimal(38, 6)) as mrr_end_usd,
    cast(customers_start as bigint) as customers_start,
    cast(customers_end as bigint) as customers_end,
    cast(customers_lost as bigint) as customers_lost,
    cast(starting_members_mrr_end_usd as decimal(38, 6)) as starting_members_mrr_end_usd,
    cast(starting_members_mrr_kept_usd as decimal(38, 6)) as starting_members_mrr_kept_usd,
    {{ divide('customers_lost', 'customers_start', 9) }} as logo_churn_rate,
    {{ divide('starting_members_mrr_end_usd', 'mrr_start_usd', 9) }} as nrr,
    {{ divide('starting_members_mrr_kept_usd', 'mrr_start_usd', 9) }} as grr,
    cast(12 * mrr_end_usd as decimal(38, 6)) as arr_usd,
    {{ divide('mrr_end_usd', 'customers_end', 9) }} as arpu_usd,
    -- ARPU / churn rate, as one fraction: rounded once, not three times.
    {{ divide('mrr_end_usd * customers_start', 'customers_end * customers_lost', 9) }} as ltv_usd,
    {{ divide('gained_usd', 'lost_usd', 9) }} as quick_ratio,
    cast(gross_usd as decimal(38, 9)) as gross_usd,
    cast(refunded_usd as decimal(38, 9)) as refunded_usd,
    cast(fees_usd as decimal(38, 9)) as fees_usd,
    cast(net_usd as decimal(38, 9)) as net_usd,
    cast(one_time_gross_usd as decimal(38, 9)) as one_time_gross_usd,
    {{ divide('refunded_usd', 'gross_usd', 9) }} as refund_rate,
    cast(payments_paid as bigint) as payments_paid,
    cast(disputes as bigint) as disputes,
    {{ divide('disputes_of_paid', 'payments_paid', 9) }} as dispute_rate,
    cast(failed_payments as bigint) as failed_payments,
    cast(recovered_payments as bigint) as recovered_payments,
    {{ divide('recovered_payments', 'failed_payments', 9) }} as recovery_rate,
    cast(at_risk_usd as decimal(38, 9)) as at_risk_usd,
    cast(recovered_usd as decimal(38, 9)) as recovered_usd,
    cast(trials_started as bigint) as trials_started,
    cast(trials_converted as bigint) as trials_converted,
    {{ divide('trials_converted', 'trials_started', 9) }} as trial_conversion_rate,
    cast(payments_without_usd as bigint) as payments_without_usd,
    cast(payments_without_fees as bigint) as payments_without_fees
from counted
