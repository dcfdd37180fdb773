with churned as (
    select
        company_id,
        {{ month_of('movement_date') }} as month,
        churn_type,
        churn_reason,
        mrr_change_usd
    from {{ ref('mrr_movements') }}
    where movement_type = 'churn'
)

select
    company_id,
    month,
    churn_type,
    churn_reason,
    count(*) as customers_churned,
    cast(sum(mrr_change_usd) as decimal(38, 6)) as mrr_churned_usd
from churned
group by company_id, month, churn_type, churn_reason
