select
    month,
    sum(gross_usd)::double as gross_usd,
    sum(refunded_usd)::double as refunded_usd,
    sum(charged_back_usd)::double as charged_back_usd,
    sum(fees_usd)::double as fees_usd,
    sum(net_usd)::double as net_usd
from whop_marts.metrics_monthly
group by month
order by month
