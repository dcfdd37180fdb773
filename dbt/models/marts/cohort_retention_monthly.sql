-- Every cohort is the cohorts of its plans together.
with cohorts as (
    select
        company_id,
        cohort_month,
        months_since,
        month,
        sum(customers_in_cohort) as customers_in_cohort,
        sum(customers_retained) as customers_retained,
        sum(mrr_retained_usd) as mrr_retained_usd,
        sum(cumulative_net_usd) as cumulative_net_usd
    from {{ ref('cohort_retention_monthly_by_plan') }}
    group by company_id, cohort_month, months_since, month
)

select
    company_id,
    cohort_month,
    months_since,
    month,
    cast(customers_in_cohort as bigint) as customers_in_cohort,
    cast(customers_retained as bigint) as customers_retained,
    {{ divide('customers_retained', 'customers_in_cohort', 9) }} as retention_rate,
    cast(mrr_retained_usd as decimal(38, 6)) as mrr_retained_usd,
    cast(cumulative_net_usd as decimal(38, 9)) as cumulative_net_usd
from cohorts
