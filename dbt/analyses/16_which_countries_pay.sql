-- Which countries pay? MRR and members at the end of a month by the country of the card or account, with what came in
-- and how many were lost in it.
-- parameter month (month): which, like 2026-10; the last full month without it
with newest as (
    select company_id, max(month) as month
    from {{ ref('metrics_monthly') }}
    group by company_id
)

select
    metrics.company_id,
    metrics.month,
    metrics.value as country,
    metrics.customers_end,
    metrics.mrr_end_usd,
    metrics.gross_usd,
    metrics.refunded_usd,
    metrics.customers_lost,
    metrics.logo_churn_rate
from {{ ref('metrics_monthly_by_segment') }} as metrics
inner join newest on metrics.company_id = newest.company_id
where
    metrics.dimension = 'country'
    and (metrics.customers_end > 0 or metrics.customers_lost > 0 or metrics.gross_usd <> 0)
    and metrics.month = {{ asked_month('newest.month') }}
order by metrics.company_id, metrics.mrr_end_usd desc, metrics.value
