-- What is a member worth after one, three, six and twelve months? Net revenue per member of each cohort.
select
    company_id,
    cohort_month,
    customers_in_cohort,
    max(case when months_since = 0 then round(cumulative_net_usd / customers_in_cohort, 2) end) as month_0_usd,
    max(case when months_since = 3 then round(cumulative_net_usd / customers_in_cohort, 2) end) as month_3_usd,
    max(case when months_since = 6 then round(cumulative_net_usd / customers_in_cohort, 2) end) as month_6_usd,
    max(case when months_since = 12 then round(cumulative_net_usd / customers_in_cohort, 2) end) as month_12_usd
from {{ ref('cohort_retention_monthly') }}
group by company_id, cohort_month, customers_in_cohort
order by company_id, cohort_month
