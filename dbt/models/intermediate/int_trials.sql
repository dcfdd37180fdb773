{{ config(**by_change('memberships', 'membership_id')) }}
-- A membership began as a trial when its plan had one at that time, whatever it has now.
with trials as (
    select
        memberships.membership_id,
        memberships.company_id,
        memberships.plan_id,
        memberships.product_id,
        memberships.created_at
    from {{ changed_rows(ref('stg_whop__memberships'), 'memberships', 'membership_id') }} as memberships
    inner join {{ ref('int_plan_versions') }} as versions
        on memberships.plan_id = versions.plan_id
        and (versions.valid_from <= memberships.created_at or versions.valid_from is null)
        and (versions.valid_to > memberships.created_at or versions.valid_to is null)
    where versions.trial_period_days > 0
),

paid as (
    select
        trials.membership_id,
        payments.billing_country,
        row_number() over (
            partition by trials.membership_id order by payments.paid_at, {{ by_bytes('payments.payment_id') }}
        ) as place
    from trials
    inner join {{ changed_rows(ref('int_payment_amounts'), 'memberships', 'membership_id') }} as payments on trials.membership_id = payments.membership_id
    where payments.is_paid and payments.paid_at is not null
),

first_payments as (
    select membership_id, billing_country
    from paid
    where place = 1
)

select
    trials.membership_id,
    trials.company_id,
    trials.plan_id,
    trials.product_id,
    first_payments.billing_country as country,
    trials.created_at as trial_started_at
from trials
left join first_payments on trials.membership_id = first_payments.membership_id
