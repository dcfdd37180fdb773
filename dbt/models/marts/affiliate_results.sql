-- Whose membership an affiliate brought; only the newer surface of Whop's API says so.
with referred as (
    select membership_id, company_id, affiliate_id
    from {{ ref('stg_whop__memberships') }}
    where affiliate_id is not null
),

money as (
    select
        referred.company_id,
        referred.affiliate_id,
        sum(events.gross_usd) as gross_usd,
        sum(events.refunded_usd) as refunded_usd,
        sum(events.net_usd) as net_usd
    from referred
    inner join {{ ref('int_money_events') }} as events on referred.membership_id = events.membership_id
    group by referred.company_id, referred.affiliate_id
),

subscriptions as (
    select
        referred.company_id,
        referred.affiliate_id,
        count(*) as subscriptions_count,
        count(case when subscriptions.is_active then 1 end) as subscriptions_active,
        sum(subscriptions.mrr_usd) as mrr_usd
    from referred
    inner join {{ ref('fct_subscriptions') }} as subscriptions on referred.membership_id = subscriptions.membership_id
    group by referred.company_id, referred.affiliate_id
),

-- What was kept of each payment for whoever brought it.
commissions as (
    select
        referred.company_id,
        referred.affiliate_id,
        sum(
            case
                when coalesce(fees.settlement_currency, fees.currency) = 'usd' then coalesce(fees.settlement_amount, fees.amount)
                when fees.currency = payments.currency then fees.amount * payments.fx
            end
        ) as commission_usd
    from {{ ref('stg_whop__payment_fees') }} as fees
    inner join {{ ref('fct_payments') }} as payments on fees.payment_id = payments.payment_id
    inner join referred on payments.membership_id = referred.membership_id
    where
        payments.is_paid
        and (
            fees.fee_type in ('affiliate_fee', 'marketplace_affiliate_fee')
            or fees.fee_family = 'affiliate_program_fee'
        )
    group by referred.company_id, referred.affiliate_id
),

-- What Whop itself says of each: texts like $1,234.50. What is no amount is none.
listed as (
    select
        affiliates.company_id,
        affiliates.affiliate_id,
        affiliates.total_referrals_count,
        {{ amount_in_text('affiliates.total_revenue_text') }} as whop_revenue_usd,
        {{ amount_in_text('affiliates.total_referral_earnings_text') }} as whop_earnings_usd
    from {{ ref('stg_whop__affiliates') }} as affiliates
    inner join {{ ref('int_as_of') }} as as_of on affiliates.company_id = as_of.company_id
),

known as (
    select company_id, affiliate_id from listed
    union
    select company_id, affiliate_id from referred
)

select
    known.company_id,
    known.affiliate_id,
    cast(coalesce(subscriptions.subscriptions_count, 0) as bigint) as subscriptions_count,
    cast(coalesce(subscriptions.subscriptions_active, 0) as bigint) as subscriptions_active,
    cast(coalesce(subscriptions.mrr_usd, 0) as decimal(38, 6)) as subscriptions_mrr_usd,
    cast(coalesce(money.gross_usd, 0) as decimal(38, 9)) as gross_usd,
    cast(coalesce(money.refunded_usd, 0) as decimal(38, 9)) as refunded_usd,
    cast(coalesce(money.net_usd, 0) as decimal(38, 9)) as net_usd,
    cast(commissions.commission_usd as decimal(38, 9)) as commission_usd,
    {{ divide('cast(money.net_usd as decimal(38, 9))', 'cast(commissions.commission_usd as decimal(38, 9))', 6) }} as payback,
    cast(listed.total_referrals_count as bigint) as whop_referrals,
    listed.whop_revenue_usd,
    listed.whop_earnings_usd
from known
left join listed on known.company_id = listed.company_id and known.affiliate_id = listed.affiliate_id
left join money on known.company_id = money.company_id and known.affiliate_id = money.affiliate_id
left join subscriptions
    on known.company_id = subscriptions.company_id and known.affiliate_id = subscriptions.affiliate_id
left join commissions on known.company_id = commissions.company_id and known.affiliate_id = commissions.affiliate_id
