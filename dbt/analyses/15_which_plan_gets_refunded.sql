-- Which plan gets its money asked back? Refunds, disputes and what was lost in them, by plan.
select
    payments.company_id,
    plans.product_title as product,
    plans.title as plan,
    sum(payments.gross_usd) as gross_usd,
    sum(payments.refunded_usd) as refunded_usd,
    round(100 * sum(payments.refunded_usd) / nullif(sum(payments.gross_usd), 0), 2) as percent_refunded,
    count(case when payments.is_disputed then 1 end) as disputes,
    sum(payments.charged_back_usd) as charged_back_usd
from {{ ref('fct_payments') }} as payments
left join {{ ref('dim_plans') }} as plans on payments.plan_id = plans.plan_id
group by payments.company_id, payments.plan_id, plans.product_title, plans.title
order by payments.company_id, refunded_usd desc, payments.plan_id
