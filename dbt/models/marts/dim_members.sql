with members as (
    select
        member_id,
        company_id,
        user_id,
        status,
        access_level,
        most_recent_action,
        most_recent_action_at,
        created_at,
        joined_at,
        deleted_at is null as is_listed
    from {{ ref('stg_whop__members') }}
),

money as (
    select
        company_id,
        member_id,
        min(case when is_purchase then event_date end) as first_paid_date,
        max(case when is_purchase then event_date end) as last_paid_date,
        sum(gross_usd) as gross_usd,
        sum(refunded_usd) as refunded_usd,
        sum(charged_back_usd) as charged_back_usd,
        sum(fees_usd) as fees_usd,
        sum(net_usd) as net_usd,
        sum(payments_count) as payments_count
    from {{ ref('int_money_events') }}
    where member_id is not null
    group by company_id, member_id
),

mrr as (
    select
        company_id,
        member_id,
        sum(mrr_change_usd) as mrr_usd,
        min(case when movement_type = 'new' then movement_date end) as customer_since,
        max(case when movement_type = 'churn' then movement_date end) as last_churn_date
    from {{ ref('mrr_movements') }}
    group by company_id, member_id
),

-- Whoever has a membership or a payment is here, also when Whop does not list them as a member.
known as (
    select company_id, member_id from members
    union
    select company_id, member_id
    from {{ ref('stg_whop__memberships') }}
    where member_id is not null
    union
    select company_id, member_id
    from {{ ref('int_payments') }}
    where member_id is not null
)

select
    known.member_id,
    known.company_id,
    members.user_id,
    members.status,
    members.access_level,
    members.most_recent_action,
    members.most_recent_action_at,
    members.created_at,
    members.joined_at,
    coalesce(members.is_listed, false) as is_listed,
    money.first_paid_date,
    money.last_paid_date,
    cast(coalesce(money.gross_usd, 0) as decimal(38, 9)) as lifetime_gross_usd,
    cast(coalesce(money.refunded_usd, 0) as decimal(38, 9)) as lifetime_refunded_usd,
    cast(coalesce(money.charged_back_usd, 0) as decimal(38, 9)) as lifetime_charged_back_usd,
    cast(coalesce(money.fees_usd, 0) as decimal(38, 9)) as lifetime_fees_usd,
    cast(coalesce(money.net_usd, 0) as decimal(38, 9)) as lifetime_net_usd,
    cast(coalesce(money.payments_count, 0) as bigint) as payments_count,
    cast(coalesce(mrr.mrr_usd, 0) as decimal(38, 6)) as mrr_usd,
    coalesce(mrr.mrr_usd, 0) > 0 as is_customer,
    {{ month_of('mrr.customer_since') }} as cohort_month,
    mrr.customer_since,
    case when mrr.mrr_usd = 0 then mrr.last_churn_date end as churned_on
from known
left join members on known.company_id = members.company_id and known.member_id = members.member_id
left join money on known.company_id = money.company_id and known.member_id = money.member_id
left join mrr on known.company_id = mrr.company_id and known.member_id = mrr.member_id
