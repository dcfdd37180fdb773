-- What did failed payments cost? Month by month: what was at risk, what came in after all, what did not, and
-- the MRR lost to involuntary churn.
with involuntary as (
    select company_id, month, -sum(mrr_churned_usd) as mrr_lost_usd
    from {{ ref('churn_monthly') }}
    where churn_type = 'involuntary'
    group by company_id, month
)

select
    metrics.company_id,
    metrics.month,
    metrics.failed_payments,
    metrics.recovery_rate,
    metrics.at_risk_usd,
    metrics.recovered_usd,
    metrics.at_risk_usd - metrics.recovered_usd as not_recovered_usd,
    coalesce(involuntary.mrr_lost_usd, 0) as mrr_lost_usd
from {{ ref('metrics_monthly') }} as metrics
left join involuntary
    on metrics.company_id = involuntary.company_id
    and metrics.month = involuntary.month
order by metrics.company_id, metrics.month
