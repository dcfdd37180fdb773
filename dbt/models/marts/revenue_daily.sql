select
    company_id,
    event_date as date,
    product_id,
    plan_id,
    currency,
    cast(sum(gross_usd) as decimal(38, 9)) as gross_usd,
    cast(sum(refunded_usd) as decimal(38, 9)) as refunded_usd,
    cast(sum(charged_back_usd) as decimal(38, 9)) as charged_back_usd,
    cast(sum(fees_usd) as decimal(38, 9)) as fees_usd,
    cast(sum(net_usd) as decimal(38, 9)) as net_usd,
    cast(sum(payments_count) as bigint) as payments_count
from {{ ref('int_money_events') }}
group by company_id, event_date, product_id, plan_id, currency
