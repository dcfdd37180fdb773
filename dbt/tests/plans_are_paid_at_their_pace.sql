{{ config(
    severity='warn',
    meta={
        'tell': 'Renewals come at another pace than their plan says: it was edited before the first sync, and its '
        'past MRR is wrong until the file WHOP_ELT_PLAN_VERSIONS says what it was (plan_history names the plans)'
    }
) }}
-- A plan whose renewals are paid more often, or more seldom, than it says was edited before the first sync: its past
-- is computed with the wrong period. A file of plan versions puts that right (WHOP_ELT_PLAN_VERSIONS).
select company_id, plan_id, valid_from, billing_period_days, renewals, median_days_between_renewals
from {{ ref('plan_history') }}
where is_pace_off
