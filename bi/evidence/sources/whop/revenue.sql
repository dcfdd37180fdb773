select
    month,
    sum(gross_usd)::double precision as gross_usd,
    sum(refunded_usd)::double precision as refunded_usd,
    sum(charged_back_usd)::double precision as charged_back_usd,
    sum(fees_usd)::double precision as fees_usd,
    sum(net_usd)::double precision as net_usd
from whop_marts.metrics_monthly
group by month
order by month
