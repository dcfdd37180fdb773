{{ config(**by_change('memberships', 'membership_id')) }}
{#- Of the many periods that the next payment follows in time, only those count that are the last that was paid for. -#}
{%- set is_looked_at -%}
    (
        not periods.is_followed_in_time
        or periods.next_period_start > as_of.as_of
        or (periods.recurring_price > 0 and periods.next_recurring_price = 0)
    )
{%- endset -%}

-- Until when those periods were paid that are the last of a membership, or that the next payment does not follow in
-- time; and where they end: by what became of the membership, what was bought, refunded or lost in a dispute.
with memberships as (
    select
        membership_id,
        status,
        canceled_at,
        cancel_at_period_end,
        payment_collection_paused,
        renewal_period_end
    from {{ ref('stg_whop__memberships') }}
),

-- Of a period that others follow, the membership's end of then counts, as far as a sync saw it.
extended_to as (
    select
        periods.payment_id,
        max(states.renewal_period_end) as renewal_period_end
    from {{ changed_rows(ref('int_paid_periods'), 'memberships', 'membership_id') }} as periods
    inner join {{ ref('stg_whop__membership_states') }} as states
        on periods.membership_id = states.membership_id
        and states.synced_at >= periods.period_start
        and states.synced_at < periods.next_period_start
    inner join {{ ref('int_as_of') }} as as_of on periods.company_id = as_of.company_id
    where {{ is_looked_at }}
    group by periods.payment_id
),

not_followed_in_time as (
    select
        periods.*,
        memberships.membership_id is not null as is_known,
        memberships.status,
        memberships.cancel_at_period_end,
        memberships.payment_collection_paused,
        case when memberships.canceled_at >= periods.period_start then memberships.canceled_at end as canceled_at,
        case
            when periods.next_period_start is null then memberships.renewal_period_end
            else extended_to.renewal_period_end
        end as renewal_period_end
    from {{ changed_rows(ref('int_paid_periods'), 'memberships', 'membership_id') }} as periods
    left join memberships on periods.membership_id = memberships.membership_id
    inner join {{ ref('int_as_of') }} as as_of on periods.company_id = as_of.company_id
    left join extended_to on periods.payment_id = extended_to.payment_id
    where {{ is_looked_at }}
),

-- Days given by hand count, but no more than one more period: what nobody pays for is not MRR for ever.
paid_until as (
    select
        not_followed_in_time.*,
        case
            when renewal_period_end > natural_end
                then least(renewal_period_end, {{ add_days('natural_end', 'billing_period_days') }})
            else natural_end
        end as paid_until
    from not_followed_in_time
),

last_ones as (
    select
        paid_until.*,
        {{ is_in_grace('next_period_start', 'paid_until') }} as is_continued
    from paid_until
),

ended_by_status as (
    select
        last_ones.*,
        case
            when canceled_at <= paid_until then paid_until
            when next_period_start is null
                and (
                    not is_known
                    or status in {{ ending_statuses() }}
                    or coalesce(cancel_at_period_end, false)
                    or coalesce(payment_collection_paused, false)
                    or (status = 'canceled' and canceled_at is null)
                )
                then paid_until
            when canceled_at is not null
                then least(canceled_at, {{ add_days('paid_until', var('grace_days')) }})
            else {{ add_days('paid_until', var('grace_days')) }}
        end as end_by_status
    from last_ones
    where not is_continued
),

lifetime_purchases as (
    select
        ends.payment_id,
        min(purchases.paid_at) as bought_at
    from ended_by_status as ends
    inner join {{ changed_rows(ref('int_payments'), 'memberships', 'membership_id') }} as purchases
        on ends.membership_id = purchases.membership_id
        and purchases.paid_at >= ends.period_start
        and purchases.paid_at <= {{ add_days('ends.paid_until', var('grace_days')) }}
    where purchases.is_paid and purchases.is_one_time_plan
    group by ends.payment_id
),

-- A refund of 90 % of what was left to earn ends a period as one in full does: what is left is counted by the clock.
refunds_of_the_rest as (
    select
        ends.payment_id,
        min(refunds.refunded_at) as refunded_at
    from ended_by_status as ends
    inner join {{ ref('int_refunds') }} as refunds on ends.payment_id = refunds.payment_id
    where
        refunds.refunded_at < ends.natural_end
        and refunds.net_amount * 10 * {{ seconds_between('ends.period_start', 'ends.natural_end') }}
        >= ends.net_amount * 9
        * {{ seconds_between('greatest(refunds.refunded_at, ends.period_start)', 'ends.natural_end') }}
    group by ends.payment_id
)

-- The earliest of all ends counts, but none before the start.
select
    last_ones.payment_id,
    last_ones.company_id,
    last_ones.membership_id,
    last_ones.paid_until,
    last_ones.is_continued,
    lifetime_purchases.bought_at as lifetime_bought_at,
    case
        when ended_by_status.payment_id is not null
            then greatest(
                ended_by_status.period_start,
                least(
                    ended_by_status.end_by_status,
                    lifetime_purchases.bought_at,
                    case
                        when ended_by_status.next_period_start is not null
                            or not coalesce(ended_by_status.status in {{ staying_statuses() }}, false)
                            then least(ended_by_status.refunded_in_full_at, refunds_of_the_rest.refunded_at)
                    end,
                    ended_by_status.charged_back_at
                )
            )
    end as period_end
from last_ones
left join ended_by_status on last_ones.payment_id = ended_by_status.payment_id
left join lifetime_purchases on last_ones.payment_id = lifetime_purchases.payment_id
left join refunds_of_the_rest on last_ones.payment_id = refunds_of_the_rest.payment_id
