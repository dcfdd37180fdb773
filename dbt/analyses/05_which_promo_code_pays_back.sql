-- Which promo code pays back? What a subscription that began with it paid in its first three months, after
-- refunds and known fees, next to those that began without one; of the subscriptions that are that old, so that
-- a new code does not look worse than an old one. The discount is what the code promises: Whop does not say what
-- a payment would have been without it.
with first_months as (
    select
        subscriptions.company_id,
        subscriptions.membership_id,
        subscriptions.promo_code_id,
        {{ dbt.dateadd('month', 3, 'subscriptions.started_at') }} as until,
        subscriptions.ended_at is null
        or subscriptions.ended_at >= {{ dbt.dateadd('month', 3, 'subscriptions.started_at') }} as is_kept
    from {{ ref('fct_subscriptions') }} as subscriptions
    inner join {{ ref('dim_companies') }} as companies on subscriptions.company_id = companies.company_id
    where subscriptions.started_at <= {{ dbt.dateadd('month', -3, 'companies.as_of') }}
),

paid as (
    select first_months.membership_id, sum(payments.net_usd) as net_usd
    from first_months
    inner join {{ ref('fct_payments') }} as payments on first_months.membership_id = payments.membership_id
    where payments.paid_at < first_months.until
    group by first_months.membership_id
)

select
    first_months.company_id,
    coalesce(promo_codes.code, first_months.promo_code_id, '(no code)') as code,
    promo_codes.promo_type,
    promo_codes.amount_off,
    promo_codes.currency,
    promo_codes.duration,
    count(*) as subscriptions,
    round(100.0 * count(case when first_months.is_kept then 1 end) / count(*), 1) as percent_kept_three_months,
    round(sum(coalesce(paid.net_usd, 0)) / count(*), 2) as net_per_subscription_usd
from first_months
left join paid on first_months.membership_id = paid.membership_id
left join {{ ref('dim_promo_codes') }} as promo_codes on first_months.promo_code_id = promo_codes.promo_code_id
group by
    first_months.company_id,
    first_months.promo_code_id,
    promo_codes.code,
    promo_codes.promo_type,
    promo_codes.amount_off,
    promo_codes.currency,
    promo_codes.duration
order by first_months.company_id, net_per_subscription_usd desc
