-- What happened in a month? How MRR and customers moved, what came in and what went back, with the rates.
-- parameter month (month): which, like 2026-10; the last full month without it
with newest as (
    select company_id, max(month) as month
    from {{ ref('metrics_monthly') }}
    group by company_id
)

select
    metrics.company_id,
    metrics.month,
    metrics.mrr_start_usd,
    coalesce(mrr.new_usd, 0) as new_usd,
    coalesce(mrr.reactivation_usd, 0) as reactivation_usd,
    coalesce(mrr.expansion_usd, 0) as expansion_usd,
    coalesce(mrr.contraction_usd, 0) as contraction_usd,
    coalesce(mrr.churn_usd, 0) as churn_usd,
    metrics.mrr_end_usd,
    metrics.customers_end,
    metrics.customers_lost,
    metrics.logo_churn_rate,
    metrics.nrr,
    metrics.gross_usd,
    metrics.refunded_usd,
    metrics.charged_back_usd,
    metrics.fees_usd,
    metrics.net_usd
from {{ ref('metrics_monthly') }} as metrics
inner join newest on metrics.company_id = newest.company_id
left join {{ ref('mrr_monthly') }} as mrr
    on metrics.company_id = mrr.company_id
    and metrics.month = mrr.month
where metrics.month = {{ asked_month('newest.month') }}
order by metrics.company_id
