-- What renews next? Renewals that are due in the next days, by plan: how many, how much, and how much of it should
-- come as renewals have gone of late. Of each membership the next charge only. Canceled and paused memberships are not charged and not counted.
-- parameter days (number): how many days ahead; 30 without it
select
    renewals.company_id,
    plans.product_title as product,
    plans.title as plan,
    count(*) as renewals,
    sum(renewals.amount_usd) as due_usd,
    sum(renewals.expected_usd) as expected_usd,
    sum(case when renewals.standing = 'at_risk' then renewals.amount_usd else 0 end) as at_risk_usd,
    min(renewals.next_renewal_date) as first_due,
    round(100 * avg(renewals.renewal_probability), 1) as percent_likely
from {{ ref('upcoming_renewals') }} as renewals
inner join {{ ref('committed_mrr_monthly') }} as today
    on renewals.company_id = today.company_id
    and today.months_ahead = 0
left join {{ ref('dim_plans') }} as plans on renewals.plan_id = plans.plan_id
where
    renewals.next_renewal_date - today.date <= {{ asked_number('days', 30) }}
    and coalesce(renewals.risk, '') not in ('canceled', 'paused')
group by renewals.company_id, renewals.plan_id, plans.product_title, plans.title
order by renewals.company_id, due_usd desc, renewals.plan_id
