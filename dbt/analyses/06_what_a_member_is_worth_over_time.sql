-- What is a member worth over time? Net revenue per member of each cohort, from the start to the end of its first
-- month (0) and of the 1st, 3rd, 6th and 12th after it; null for months that are still to come.
select
    company_id,
    cohort_month,
    customers_in_cohort,
    max(case when months_since = 0 then round(cumulative_net_usd / customers_in_cohort, 2) end) as month_0_usd,
    max(case when months_since = 1 then round(cumulative_net_usd / customers_in_cohort, 2) end) as month_1_usd,
    max(case when months_since = 3 then round(cumulative_net_usd / customers_in_cohort, 2) end) as month_3_usd,
    max(case when months_since = 6 then round(cumulative_net_usd / customers_in_cohort, 2) end) as month_6_usd,
    max(case when months_since = 12 then round(cumulative_net_usd / customers_in_cohort, 2) end) as month_12_usd
from {{ ref('cohort_retention_monthly') }}
group by company_id, cohort_month, customers_in_cohort
order by company_id, cohort_month
