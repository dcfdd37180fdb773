{#- How far back renewals say what the next ones will do. -#}
{%- set days_looked_back = 180 -%}

-- Each renewal that was due lately, and is decided: its grace is over, so it is paid or not. A period that ended before
-- it was due (refunded, disputed, replaced by a lifetime plan) had no renewal.
with memberships as (
    select membership_id, canceled_at
    from {{ ref('stg_whop__memberships') }}
),

ends as (
    select
        periods.payment_id,
        periods.company_id,
        periods.membership_id,
        periods.plan_id,
        periods.period_start,
        periods.period_end,
        coalesce(periods.paid_until, periods.natural_end) as due_at,
        periods.next_period_start,
        periods.is_continued and periods.next_recurring_price > 0 as is_paid,
        as_of.as_of
    from {{ ref('int_subscription_periods') }} as periods
    inner join {{ ref('int_as_of') }} as as_of on periods.company_id = as_of.company_id
    where periods.recurring_price > 0
),

due as (
    select *
    from ends
    where
        due_at > {{ add_days('as_of', -days_looked_back) }}
        and {{ add_days('due_at', var('grace_days')) }} <= as_of
        and (is_paid or period_end >= due_at)
)

select
    due.payment_id,
    due.company_id,
    due.membership_id,
    due.plan_id,
    due.due_at,
    due.is_paid,
    -- The charge of the day failed: neither paid a day later, nor called off before.
    not coalesce(memberships.canceled_at between due.period_start and due.due_at, false)
    and not coalesce(due.is_paid and due.next_period_start <= {{ add_days('due.due_at', 1) }}, false) as is_late
from due
left join memberships on due.membership_id = memberships.membership_id
