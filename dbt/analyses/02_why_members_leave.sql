-- Why do members leave? Churn of the month under way and the eleven before, by type and reason, dearest first.
select
    churn.company_id,
    churn.churn_type,
    churn.churn_reason,
    sum(churn.customers_churned) as customers_churned,
    sum(churn.mrr_churned_usd) as mrr_churned_usd
from {{ ref('churn_monthly') }} as churn
inner join {{ ref('dim_companies') }} as companies on churn.company_id = companies.company_id
where churn.month > {{ dbt.dateadd('month', -12, 'companies.as_of') }}
group by churn.company_id, churn.churn_type, churn.churn_reason
order by churn.company_id, mrr_churned_usd, churn.churn_reason
