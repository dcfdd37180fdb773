-- Which product gets its money asked back? Refunds, disputes and what was lost in them, by product.
select
    payments.company_id,
    products.title as product,
    sum(payments.gross_usd) as gross_usd,
    sum(payments.refunded_usd) as refunded_usd,
    round(100 * sum(payments.refunded_usd) / nullif(sum(payments.gross_usd), 0), 2) as percent_refunded,
    count(case when payments.is_disputed then 1 end) as disputes,
    sum(payments.charged_back_usd) as charged_back_usd
from {{ ref('fct_payments') }} as payments
left join {{ ref('dim_products') }} as products on payments.product_id = products.product_id
group by payments.company_id, products.product_id, products.title
order by payments.company_id, refunded_usd desc, products.product_id
