select
    month,
    sum(mrr_end_usd)::double as mrr_usd,
    sum(customers_end)::integer as customers,
    sum(new_usd)::double as new_usd,
    sum(reactivation_usd)::double as reactivation_usd,
    sum(expansion_usd)::double as expansion_usd,
    sum(contraction_usd)::double as contraction_usd,
    sum(churn_usd)::double as churn_usd
from whop_marts.mrr_monthly
group by month
order by month
