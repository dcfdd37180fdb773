with movements as (
    select
        company_id,
        {{ month_of('movement_date') }} as month,
        sum(case when movement_type = 'new' then mrr_change_usd else 0 end) as new_usd,
        sum(case when movement_type = 'reactivation' then mrr_change_usd else 0 end) as reactivation_usd,
        sum(case when movement_type = 'expansion' then mrr_change_usd else 0 end) as expansion_usd,
        sum(case when movement_type = 'contraction' then mrr_change_usd else 0 end) as contraction_usd,
        sum(case when movement_type = 'churn' then mrr_change_usd else 0 end) as churn_usd,
        count(case when movement_type = 'new' then 1 end) as customers_new,
        count(case when movement_type = 'reactivation' then 1 end) as customers_reactivated,
        count(case when movement_type = 'churn' then 1 end) as customers_churned
    from {{ ref('mrr_movements') }}
    group by company_id, {{ month_of('movement_date') }}
),

first_months as (
    select company_id, min(month) as first_month
    from movements
    group by company_id
),

months as (
    select
        first_months.company_id,
        {{ each('month', 'first_months.first_month', 'as_of.as_of_date') }} as month
    from first_months
    inner join {{ ref('int_as_of') }} as as_of on first_months.company_id = as_of.company_id
),

parts as (
    select
        months.company_id,
        months.month,
        coalesce(movements.new_usd, 0) as new_usd,
        coalesce(movements.reactivation_usd, 0) as reactivation_usd,
        coalesce(movements.expansion_usd, 0) as expansion_usd,
        coalesce(movements.contraction_usd, 0) as contraction_usd,
        coalesce(movements.churn_usd, 0) as churn_usd,
        coalesce(movements.customers_new, 0) as customers_new,
        coalesce(movements.customers_reactivated, 0) as customers_reactivated,
        coalesce(movements.customers_churned, 0) as customers_churned
    from months
    left join movements
        on months.company_id = movements.company_id
        and months.month = movements.month
),

ends as (
    select
        parts.*,
        sum(new_usd + reactivation_usd + expansion_usd + contraction_usd + churn_usd) over (
            partition by company_id order by month
            rows between unbounded preceding and current row
        ) as mrr_end_usd,
        sum(customers_new + customers_reactivated - customers_churned) over (
            partition by company_id order by month
            rows between unbounded preceding and current row
        ) as customers_end
    from parts
)

select
    company_id,
    month,
    cast(
        mrr_end_usd - new_usd - reactivation_usd - expansion_usd - contraction_usd - churn_usd
        as decimal(38, 6)
    ) as mrr_start_usd,
    cast(new_usd as decimal(38, 6)) as new_usd,
    cast(reactivation_usd as decimal(38, 6)) as reactivation_usd,
    cast(expansion_usd as decimal(38, 6)) as expansion_usd,
    cast(contraction_usd as decimal(38, 6)) as contraction_usd,
    cast(churn_usd as decimal(38, 6)) as churn_usd,
    cast(mrr_end_usd as decimal(38, 6)) as mrr_end_usd,
    cast(customers_end - customers_new - customers_reactivated + customers_churned as bigint) as customers_start,
    cast(customers_new as bigint) as customers_new,
    cast(customers_reactivated as bigint) as customers_reactivated,
    cast(customers_churned as bigint) as customers_churned,
    cast(customers_end as bigint) as customers_end
from ends
