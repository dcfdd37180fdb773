{{ config(**by_change('memberships', 'membership_id')) }}
-- Where one period of a membership follows another of the same run, and nothing else about it changed, nothing
-- changes: only where that begins and where it ends does.
with periods as (
    select
        company_id,
        member_id,
        membership_id,
        product_id,
        plan_id,
        billing_period_days,
        currency,
        billing_country,
        payment_method_type,
        promo_code_id,
        checkout_configuration_id,
        place,
        period_start,
        period_end,
        mrr_usd,
        lag(run_number) over payment_order is not distinct from run_number
        and lag(member_id) over payment_order is not distinct from member_id
        and lag(product_id) over payment_order is not distinct from product_id
        and lag(plan_id) over payment_order is not distinct from plan_id
        and lag(billing_country) over payment_order is not distinct from billing_country
        and lag(payment_method_type) over payment_order is not distinct from payment_method_type
        and lag(promo_code_id) over payment_order is not distinct from promo_code_id
        and lag(checkout_configuration_id) over payment_order is not distinct from checkout_configuration_id
            as goes_on
    from {{ changed_rows(ref('int_subscription_periods'), 'memberships', 'membership_id') }} as periods
    window payment_order as (partition by membership_id order by place)
),

edges as (
    select
        periods.*,
        coalesce(lead(goes_on) over (partition by membership_id order by place), false) as is_gone_on_with
    from periods
),

by_now as (
    select
        edges.*,
        as_of.as_of
    from edges
    inner join {{ ref('int_as_of') }} as as_of on edges.company_id = as_of.company_id
    where edges.period_start <= as_of.as_of and edges.mrr_usd > 0
),

starts_and_ends as (
    select by_now.*, {{ local_date('period_start') }} as change_date, mrr_usd as change_usd
    from by_now
    where not goes_on
    union all
    -- An end that is still to come has not happened: until then the period covers every day.
    select by_now.*, {{ local_date('period_end') }}, -mrr_usd
    from by_now
    where not is_gone_on_with and period_end <= as_of
)

-- What starts where something alike ends changes nothing.
select
    company_id,
    member_id,
    membership_id,
    product_id,
    plan_id,
    billing_period_days,
    currency,
    billing_country,
    payment_method_type,
    promo_code_id,
    checkout_configuration_id,
    change_date,
    cast(sum(change_usd) as decimal(38, 6)) as change_usd
from starts_and_ends
group by
    company_id,
    member_id,
    membership_id,
    product_id,
    plan_id,
    billing_period_days,
    currency,
    billing_country,
    payment_method_type,
    promo_code_id,
    checkout_configuration_id,
    change_date
having sum(change_usd) <> 0
