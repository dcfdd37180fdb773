-- Where does growth come from? The parts of MRR month by month, with retention next to them.
select
    mrr.company_id,
    mrr.month,
    mrr.mrr_start_usd,
    mrr.new_usd,
    mrr.reactivation_usd,
    mrr.expansion_usd,
    mrr.contraction_usd,
    mrr.churn_usd,
    mrr.mrr_end_usd,
    metrics.nrr,
    metrics.grr,
    metrics.logo_churn_rate,
    metrics.quick_ratio
from {{ ref('mrr_monthly') }} as mrr
inner join {{ ref('metrics_monthly') }} as metrics
    on mrr.company_id = metrics.company_id
    and mrr.month = metrics.month
order by mrr.company_id, mrr.month
