-- What is a member worth, by plan and product? What a member brings in a month (the MRR of now over the members of
-- now), times how many months one stays at the churn of the last twelve full months. Empty where nobody left: then
-- nobody knows yet. A plan billed by the year loses its members on one day a year; look at one older than that.
with newest as (
    select company_id, max(month) as month
    from {{ ref('metrics_monthly') }}
    group by company_id
),

sums as (
    select
        metrics.company_id,
        metrics.dimension,
        metrics.value,
        sum(case when metrics.month < newest.month then metrics.customers_start else 0 end) as customer_months,
        sum(case when metrics.month < newest.month then metrics.customers_lost else 0 end) as customers_lost,
        sum(case when metrics.month = newest.month then metrics.customers_end else 0 end) as customers,
        sum(case when metrics.month = newest.month then metrics.mrr_end_usd else 0 end) as mrr_usd
    from {{ ref('metrics_monthly_by_segment') }} as metrics
    inner join newest on metrics.company_id = newest.company_id
    where
        metrics.dimension in ('plan', 'product')
        and metrics.month >= newest.month - interval '12 month'
    group by metrics.company_id, metrics.dimension, metrics.value
)

select
    sums.company_id,
    sums.dimension as sold_as,
    coalesce(plans.title, products.title, sums.value) as title,
    sums.customers,
    sums.mrr_usd,
    round(sums.mrr_usd / nullif(sums.customers, 0), 2) as mrr_per_member_usd,
    round(100.0 * sums.customers_lost / nullif(sums.customer_months, 0), 2) as percent_lost_a_month,
    round(
        cast(sums.mrr_usd as decimal(18, 6)) * sums.customer_months
        / nullif(sums.customers * sums.customers_lost, 0), 2
    ) as worth_usd
from sums
left join {{ ref('dim_plans') }} as plans on sums.dimension = 'plan' and sums.value = plans.plan_id
left join {{ ref('dim_products') }} as products on sums.dimension = 'product' and sums.value = products.product_id
where sums.customers > 0
order by sums.company_id, sums.dimension desc, sums.mrr_usd desc, title
