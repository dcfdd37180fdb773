-- Which plan keeps people? Of the subscriptions that began at least half a year ago: how many were kept for half
-- a year. All are asked at the same age, so an old plan does not look worse than a young one. (A plan billed by
-- the year cannot lose anyone in half a year.)
with subscriptions as (
    select
        subscriptions.company_id,
        subscriptions.plan_id,
        subscriptions.periods_count,
        subscriptions.ended_at is null
        or subscriptions.ended_at >= {{ dbt.dateadd('month', 6, 'subscriptions.started_at') }} as is_kept
    from {{ ref('fct_subscriptions') }} as subscriptions
    inner join {{ ref('dim_companies') }} as companies on subscriptions.company_id = companies.company_id
    where subscriptions.started_at <= {{ dbt.dateadd('month', -6, 'companies.as_of') }}
)

select
    subscriptions.company_id,
    plans.title as plan,
    plans.is_listed,
    plans.billing_period_days,
    count(*) as subscriptions,
    count(case when subscriptions.is_kept then 1 end) as kept_half_a_year,
    round(100.0 * count(case when subscriptions.is_kept then 1 end) / count(*), 1) as percent_kept_half_a_year,
    round(avg(subscriptions.periods_count), 1) as periods_paid_so_far_on_average
from subscriptions
left join {{ ref('dim_plans') }} as plans on subscriptions.plan_id = plans.plan_id
group by subscriptions.company_id, subscriptions.plan_id, plans.title, plans.is_listed, plans.billing_period_days
order by subscriptions.company_id, percent_kept_half_a_year desc, subscriptions desc, subscriptions.plan_id
