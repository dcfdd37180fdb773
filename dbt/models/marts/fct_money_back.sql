select
    company_id,
    payment_id,
    event_date as date,
    max(membership_id) as membership_id,
    max(member_id) as member_id,
    max(plan_id) as plan_id,
    max(product_id) as product_id,
    cast(sum(refunded_usd) as decimal(38, 9)) as refunded_usd,
    cast(sum(charged_back_usd) as decimal(38, 9)) as charged_back_usd
from {{ ref('int_money_events') }}
where refunded_usd <> 0 or charged_back_usd <> 0
group by company_id, payment_id, event_date
