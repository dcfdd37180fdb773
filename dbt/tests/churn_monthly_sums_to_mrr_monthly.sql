with churn as (
    select
        company_id,
        month,
        sum(customers_churned) as customers_churned,
        sum(mrr_churned_usd) as mrr_churned_usd
    from {{ ref('churn_monthly') }}
    group by company_id, month
)

select monthly.company_id, monthly.month
from {{ ref('mrr_monthly') }} as monthly
full join churn on monthly.company_id = churn.company_id and monthly.month = churn.month
where
    coalesce(churn.customers_churned, 0) is distinct from monthly.customers_churned
    or coalesce(churn.mrr_churned_usd, 0) is distinct from monthly.churn_usd
