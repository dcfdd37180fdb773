with counted_payments as (
    select
        payment_id,
        company_id,
        membership_id,
        member_id,
        plan_id,
        product_id,
        paid_at as period_start,
        natural_end,
        billing_period_days,
        mrr_usd,
        recurring_usd,
        case when is_refunded_in_full then refunded_at end as refunded_in_full_at,
        lead(paid_at) over payment_order as next_period_start,
        lead(member_id) over payment_order as next_member_id
    from {{ ref('int_payments') }}
    where is_counted
    window payment_order as (partition by membership_id order by paid_at, payment_id collate "C")
),

memberships as (
    select membership_id, status, renewal_period_end
    from {{ ref('stg_whop__memberships') }}
),

ended_by_renewal_or_status as (
    select
        counted_payments.*,
        case
            when next_period_start is not null
                then case
                    when next_period_start <= {{ add_days('natural_end', var('grace_days')) }}
                        then next_period_start
                    else natural_end
                end
            when memberships.status in ('trialing', 'active', 'past_due', 'unresolved') then null
            when memberships.status = 'canceling'
                then greatest(natural_end, coalesce(memberships.renewal_period_end, natural_end))
            else natural_end
        end as end_unless_refunded
    from counted_payments
    left join memberships on counted_payments.membership_id = memberships.membership_id
),

ended_by_refund as (
    select
        ended_by_renewal_or_status.*,
        case
            when refunded_in_full_at < end_unless_refunded
                or (refunded_in_full_at is not null and end_unless_refunded is null)
                then greatest(refunded_in_full_at, period_start)
            else end_unless_refunded
        end as period_end
    from ended_by_renewal_or_status
)

select
    payment_id,
    company_id,
    membership_id,
    member_id,
    plan_id,
    product_id,
    period_start,
    period_end,
    natural_end,
    next_period_start,
    next_member_id,
    billing_period_days,
    recurring_usd,
    mrr_usd
from ended_by_refund
