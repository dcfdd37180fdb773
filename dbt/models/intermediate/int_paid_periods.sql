{{ config(**by_change('memberships', 'membership_id')) }}
-- What each counted payment pays for: from when, until when by the plan, and whether the next one comes in time.
with recursive counted as (
    select
        payment_id,
        membership_id,
        paid_at as period_start,
        billing_reason,
        billing_period_days,
        row_number() over payment_order as place,
        lag(paid_at) over payment_order as previous_period_start,
        lag(billing_period_days) over payment_order as previous_billing_period_days,
        lag(plan_id) over payment_order as previous_plan_id,
        lead(paid_at) over payment_order as next_period_start,
        lead(member_id) over payment_order as next_member_id,
        lead(recurring_price) over payment_order as next_recurring_price
    from {{ changed_rows(ref('int_payments'), 'memberships', 'membership_id') }} as payments
    where is_counted
    window payment_order as (partition by membership_id order by paid_at, {{ by_bytes('payment_id') }})
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
    payments.payment_id,
    payments.company_id,
    payments.membership_id,
    payments.member_id,
    payments.plan_id,
    payments.version_number,
    payments.product_id,
    payments.promo_code_id,
    payments.checkout_configuration_id,
    payments.payment_method_type,
    payments.billing_country,
    payments.billing_reason,
    cast(ends.place as bigint) as place,
    ends.period_start,
    ends.natural_end,
    ends.previous_period_start,
    ends.previous_plan_id,
    ends.next_period_start,
    ends.next_member_id,
    ends.next_recurring_price,
    {{ is_in_grace('ends.next_period_start', 'ends.natural_end') }} as is_followed_in_time,
    ends.keeps_end,
    payments.billing_period_days,
    payments.currency,
    payments.net_amount,
    payments.recurring_price,
    payments.recurring_usd,
    payments.fx,
    case when payments.is_refunded_in_full then payments.refunded_at end as refunded_in_full_at,
    payments.charged_back_at
from with_natural_ends as ends
-- Beside the few columns that tell what follows what: the others need not be sorted along.
inner join {{ changed_rows(ref('int_payments'), 'memberships', 'membership_id') }} as payments on ends.payment_id = payments.payment_id
