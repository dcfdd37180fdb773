select
    month,
    sum(mrr_end_usd)::double precision as mrr_usd,
    sum(customers_end)::integer as customers,
    sum(new_usd)::double precision as new_usd,
    sum(reactivation_usd)::double precision as reactivation_usd,
    sum(expansion_usd)::double precision as expansion_usd,
    sum(contraction_usd)::double precision as contraction_usd,
    sum(churn_usd)::double precision as churn_usd
from whop_marts.mrr_monthly
group by month
order by month
