with paid as (
    select
        payments.company_id,
        payments.promo_code_id,
        payments.payment_id,
        payments.member_id,
        payments.is_counted,
        -- A code for one payment leaves the price that comes back as it is: the payment itself was made cheaper. Of a
        -- change of plan only the difference is paid, which is no discount.
        case
            when not payments.is_counted then null
            when payments.billing_reason = 'subscription_update' then payments.renewal_price - payments.recurring_price
            else payments.renewal_price - least(payments.recurring_price, payments.net_amount)
        end as discount,
        payments.fx
    from {{ ref('int_payments') }} as payments
    inner join {{ ref('int_as_of') }} as as_of on payments.company_id = as_of.company_id
    where payments.promo_code_id is not null and payments.is_paid and payments.paid_at <= as_of.as_of
),

discounts as (
    select
        company_id,
        promo_code_id,
        count(*) as payments_count,
        count(distinct member_id) as members_count,
        sum(case when discount > 0 then {{ to_usd('discount') }} else 0 end) as discount_usd
    from paid
    group by company_id, promo_code_id
),

money as (
    select
        company_id,
        promo_code_id,
        sum(gross_usd) as gross_usd,
        sum(refunded_usd) as refunded_usd,
        sum(net_usd) as net_usd
    from {{ ref('int_money_events') }}
    where promo_code_id is not null
    group by company_id, promo_code_id
),

subscriptions as (
    select
        company_id,
        promo_code_id,
        count(*) as subscriptions_count,
        count(case when is_active then 1 end) as subscriptions_active,
        sum(mrr_usd) as mrr_usd,
        sum(lifetime_net_usd) as net_usd
    from {{ ref('fct_subscriptions') }}
    where promo_code_id is not null
    group by company_id, promo_code_id
)

select
    discounts.company_id,
    discounts.promo_code_id,
    cast(discounts.payments_count as bigint) as payments_count,
    cast(discounts.members_count as bigint) as members_count,
    cast(coalesce(discounts.discount_usd, 0) as decimal(38, 9)) as discount_usd,
    cast(coalesce(money.gross_usd, 0) as decimal(38, 9)) as gross_usd,
    cast(coalesce(money.refunded_usd, 0) as decimal(38, 9)) as refunded_usd,
    cast(coalesce(money.net_usd, 0) as decimal(38, 9)) as net_usd,
    cast(coalesce(subscriptions.subscriptions_count, 0) as bigint) as subscriptions_count,
    cast(coalesce(subscriptions.subscriptions_active, 0) as bigint) as subscriptions_active,
    cast(coalesce(subscriptions.mrr_usd, 0) as decimal(38, 6)) as subscriptions_mrr_usd,
    cast(coalesce(subscriptions.net_usd, 0) as decimal(38, 9)) as subscriptions_net_usd
from discounts
left join money
    on discounts.company_id = money.company_id and discounts.promo_code_id = money.promo_code_id
left join subscriptions
    on discounts.company_id = subscriptions.company_id and discounts.promo_code_id = subscriptions.promo_code_id
