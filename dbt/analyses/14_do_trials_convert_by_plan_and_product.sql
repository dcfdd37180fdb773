-- Do trials convert, by plan and product? Those that began in the twelve full months before this one, of which the
-- youngest may still run.
with newest as (
    select company_id, max(month) as month
    from {{ ref('metrics_monthly') }}
    group by company_id
)

select
    metrics.company_id,
    metrics.dimension as sold_as,
    coalesce(plans.title, products.title, metrics.value) as title,
    sum(metrics.trials_started) as trials_started,
    sum(metrics.trials_converted) as trials_converted,
    round(100.0 * sum(metrics.trials_converted) / sum(metrics.trials_started), 1) as percent_converted
from {{ ref('metrics_monthly_by_segment') }} as metrics
inner join newest on metrics.company_id = newest.company_id
left join {{ ref('dim_plans') }} as plans on metrics.dimension = 'plan' and metrics.value = plans.plan_id
left join {{ ref('dim_products') }} as products
    on metrics.dimension = 'product' and metrics.value = products.product_id
where
    metrics.dimension in ('plan', 'product')
    and metrics.month >= newest.month - interval '12 month'
    and metrics.month < newest.month
group by metrics.company_id, metrics.dimension, coalesce(plans.title, products.title, metrics.value), metrics.value
having sum(metrics.trials_started) > 0
order by metrics.company_id, metrics.dimension desc, trials_started desc, title
