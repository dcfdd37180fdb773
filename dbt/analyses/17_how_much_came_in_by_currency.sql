-- How much came in, by currency? Of a month: payments and amounts in US dollars, at the rate of each payment.
-- parameter month (month): which, like 2026-10; the last full month without it
with newest as (
    select company_id, max(month) as month
    from {{ ref('metrics_monthly') }}
    group by company_id
)

select
    revenue.company_id,
    revenue.currency,
    sum(revenue.payments_count) as payments,
    sum(revenue.gross_usd) as gross_usd,
    sum(revenue.refunded_usd) as refunded_usd,
    sum(revenue.net_usd) as net_usd
from {{ ref('revenue_daily') }} as revenue
inner join newest on revenue.company_id = newest.company_id
where cast(date_trunc('month', revenue.date) as date) = {{ asked_month('newest.month') }}
group by revenue.company_id, revenue.currency
order by revenue.company_id, gross_usd desc, revenue.currency
