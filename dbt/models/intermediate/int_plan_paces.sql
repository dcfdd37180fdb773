{#- Fewer renewals than this say nothing about a plan. -#}
{%- set fewest_renewals = 5 -%}

-- How far apart the renewals of a plan version are, beside how far apart it says they are. A change of plan is no
-- renewal.
with gaps as (
    select
        company_id,
        plan_id,
        version_number,
        billing_period_days,
        {{ seconds_between('previous_period_start', 'period_start') }} as seconds
    from {{ ref('int_paid_periods') }}
    where
        plan_id = previous_plan_id
        and coalesce(billing_reason, '') not in ('subscription_create', 'subscription_update')
),

paces as (
    select
        company_id,
        plan_id,
        version_number,
        billing_period_days,
        count(*) as renewals,
        {{ median('seconds') }} as median_seconds
    from gaps
    group by company_id, plan_id, version_number, billing_period_days
)

select
    company_id,
    plan_id,
    version_number,
    billing_period_days,
    renewals,
    {{ divide('median_seconds', '86400', 6) }} as median_days,
    renewals >= {{ fewest_renewals }}
    and abs(median_seconds - billing_period_days * 86400) * 4 > billing_period_days * 86400 as is_off
from paces
