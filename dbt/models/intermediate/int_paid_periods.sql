-- What each counted payment pays for: from when, until when by the plan, and whether the next one comes in time.
with recursive counted as (
    select
        payment_id,
        company_id,
        membership_id,
        member_id,
        plan_id,
        version_number,
        product_id,
        promo_code_id,
        checkout_configuration_id,
        payment_method_type,
        billing_country,
        currency,
        paid_at as period_start,
        billing_reason,
        billing_period_days,
        net_amount,
        recurring_price,
        recurring_usd,
        fx,
        case when is_refunded_in_full then refunded_at end as refunded_in_full_at,
        charged_back_at,
        row_number() over payment_order as place,
        lag(paid_at) over payment_order as previous_period_start,
        lag(billing_period_days) over payment_order as previous_billing_period_days,
        lag(plan_id) over payment_order as previous_plan_id,
        lead(paid_at) over payment_order as next_period_start,
        lead(member_id) over payment_order as next_member_id,
        lead(recurring_price) over payment_order as next_recurring_price
    from {{ ref('int_payments') }}
    where is_counted
    window payment_order as (partition by membership_id order by paid_at, payment_id collate "C")
),

-- A change of plan that keeps the length of the period keeps its end as well.
updates as (
    select
        payment_id,
        membership_id,
        place,
        period_start,
        previous_period_start,
        billing_period_days
    from counted
    where billing_reason = 'subscription_update' and billing_period_days = previous_billing_period_days
),

update_ends as (
    select
        updates.payment_id,
        updates.membership_id,
        updates.place,
        updates.period_start < {{ add_days('updates.previous_period_start', 'updates.billing_period_days') }}
            as keeps_end,
        case
            when updates.period_start
                < {{ add_days('updates.previous_period_start', 'updates.billing_period_days') }}
                then {{ add_days('updates.previous_period_start', 'updates.billing_period_days') }}
            else {{ add_days('updates.period_start', 'updates.billing_period_days') }}
        end as natural_end
    from updates
    left join updates as previous_updates
        on updates.membership_id = previous_updates.membership_id
        and updates.place = previous_updates.place + 1
    where previous_updates.payment_id is null
    union all
    select
        updates.payment_id,
        updates.membership_id,
        updates.place,
        updates.period_start < update_ends.natural_end,
        case
            when updates.period_start < update_ends.natural_end then update_ends.natural_end
            else {{ add_days('updates.period_start', 'updates.billing_period_days') }}
        end
    from update_ends
    inner join updates
        on update_ends.membership_id = updates.membership_id
        and update_ends.place + 1 = updates.place
),

with_natural_ends as (
    select
        counted.*,
        coalesce(
            update_ends.natural_end, {{ add_days('counted.period_start', 'counted.billing_period_days') }}
        ) as natural_end,
        coalesce(update_ends.keeps_end, false) as keeps_end
    from counted
    left join update_ends on counted.payment_id = update_ends.payment_id
)

select
    payment_id,
    company_id,
    membership_id,
    member_id,
    plan_id,
    version_number,
    product_id,
    promo_code_id,
    checkout_configuration_id,
    payment_method_type,
    billing_country,
    billing_reason,
    cast(place as bigint) as place,
    period_start,
    natural_end,
    previous_period_start,
    previous_plan_id,
    next_period_start,
    next_member_id,
    next_recurring_price,
    {{ is_in_grace('next_period_start', 'natural_end') }} as is_followed_in_time,
    keeps_end,
    billing_period_days,
    currency,
    net_amount,
    recurring_price,
    recurring_usd,
    fx,
    refunded_in_full_at,
    charged_back_at
from with_natural_ends
