select
    trials.membership_id,
    trials.company_id,
    coalesce(memberships.member_id, trials.membership_id) as member_id,
    trials.plan_id,
    trials.product_id,
    trials.trial_started_at,
    {{ local_date('trials.trial_started_at') }} as trial_started_date,
    subscriptions.membership_id is not null as is_converted
from {{ ref('int_trials') }} as trials
inner join {{ ref('int_as_of') }} as as_of on trials.company_id = as_of.company_id
left join {{ ref('stg_whop__memberships') }} as memberships on trials.membership_id = memberships.membership_id
left join {{ ref('fct_subscriptions') }} as subscriptions on trials.membership_id = subscriptions.membership_id
where trials.trial_started_at <= as_of.as_of
