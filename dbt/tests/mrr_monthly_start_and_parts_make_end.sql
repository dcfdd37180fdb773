with months as (
    select
        monthly.*,
        lag(mrr_end_usd) over (partition by company_id order by month) as previous_mrr_end_usd,
        lag(customers_end) over (partition by company_id order by month) as previous_customers_end
    from {{ ref('mrr_monthly') }} as monthly
)

select months.company_id, months.month
from months
inner join {{ ref('int_as_of') }} as as_of on months.company_id = as_of.company_id
left join {{ ref('mrr_daily') }} as daily
    on months.company_id = daily.company_id
    and daily.date = least({{ last_day_of('months.month') }}, as_of.as_of_date)
where
    mrr_start_usd + new_usd + reactivation_usd + expansion_usd + contraction_usd + churn_usd <> mrr_end_usd
    or customers_start + customers_new + customers_reactivated - customers_churned <> customers_end
    or mrr_start_usd <> coalesce(previous_mrr_end_usd, 0)
    or customers_start <> coalesce(previous_customers_end, 0)
    or mrr_end_usd is distinct from daily.mrr_usd
    or customers_end is distinct from daily.customers
