-- What is remembered of a closed month, added up, is what the marts say of it now.
with reports as (
    select company_id, month
    from {{ ref('int_closed_month_reports') }}
),

kept as (
    select
        company_id,
        month,
        sum(mrr_change_usd) as mrr_change_usd,
        sum(new_usd) as new_usd,
        sum(churn_usd) as churn_usd,
        sum(customers_lost) as customers_lost,
        sum(starting_change_usd) as starting_change_usd,
        sum(gross_usd - refunded_usd - charged_back_usd - fees_usd) as net_usd
    from {{ ref('int_closed_months') }}
    group by company_id, month
)

select
    reports.company_id,
    reports.month
from reports
left join kept on reports.company_id = kept.company_id and reports.month = kept.month
left join {{ ref('metrics_monthly') }} as metrics
    on reports.company_id = metrics.company_id and reports.month = metrics.month
left join {{ ref('mrr_monthly') }} as mrr
    on reports.company_id = mrr.company_id and reports.month = mrr.month
where
    coalesce(kept.mrr_change_usd, 0) <> coalesce(metrics.mrr_end_usd - metrics.mrr_start_usd, 0)
    or coalesce(kept.new_usd, 0) <> coalesce(mrr.new_usd, 0)
    or coalesce(kept.churn_usd, 0) <> coalesce(mrr.churn_usd, 0)
    or coalesce(kept.customers_lost, 0) <> coalesce(metrics.customers_lost, 0)
    or coalesce(kept.starting_change_usd, 0)
    <> coalesce(metrics.starting_members_mrr_end_usd - metrics.mrr_start_usd, 0)
    or coalesce(kept.net_usd, 0) <> coalesce(metrics.net_usd, 0)
