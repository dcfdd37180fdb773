{{ config(**by_change('memberships', 'membership_id')) }}
select
    periods.payment_id,
    periods.company_id,
    periods.membership_id,
    periods.member_id,
    periods.plan_id,
    periods.product_id,
    periods.period_start,
    periods.period_end,
    periods.natural_end,
    periods.billing_period_days,
    periods.currency,
    periods.recurring_price,
    periods.rate,
    periods.recurring_usd,
    periods.mrr_usd,
    periods.mrr_native
from {{ changed_rows(ref('int_subscription_periods'), 'memberships', 'membership_id') }} as periods
inner join {{ ref('int_as_of') }} as as_of on periods.company_id = as_of.company_id
where periods.period_start <= as_of.as_of
