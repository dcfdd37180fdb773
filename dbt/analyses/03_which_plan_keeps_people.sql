-- Which plan keeps people? Of the subscriptions that began at least half a year ago: how many still run, and
-- how many periods they paid for.
select
    subscriptions.company_id,
    plans.title as plan,
    plans.billing_period_days,
    count(*) as subscriptions,
    count(case when subscriptions.is_active then 1 end) as still_running,
    round(100.0 * count(case when subscriptions.is_active then 1 end) / count(*), 1) as percent_still_running,
    round(avg(subscriptions.periods_count), 1) as periods_paid_on_average
from {{ ref('fct_subscriptions') }} as subscriptions
inner join {{ ref('dim_companies') }} as companies on subscriptions.company_id = companies.company_id
inner join {{ ref('dim_plans') }} as plans on subscriptions.plan_id = plans.plan_id
where subscriptions.started_at < {{ dbt.dateadd('month', -6, 'companies.as_of') }}
group by subscriptions.company_id, plans.plan_id, plans.title, plans.billing_period_days
order by percent_still_running desc
