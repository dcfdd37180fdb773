-- When is deferred revenue earned? What is received and not yet earned, by the month in which it will be.
select
    company_id,
    earning_month,
    sum(to_earn_usd) as to_earn_usd
from {{ ref('deferred_revenue_waterfall') }}
where to_earn_usd <> 0
group by company_id, earning_month
order by company_id, earning_month
