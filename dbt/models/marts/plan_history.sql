select
    versions.company_id,
    versions.plan_id,
    versions.version_number,
    versions.valid_from,
    case when versions.valid_to <= as_of.as_of then versions.valid_to end as valid_to,
    versions.plan_type,
    versions.billing_period_days,
    versions.initial_price,
    versions.renewal_price,
    versions.currency,
    versions.trial_period_days,
    versions.split_pay_required_payments,
    versions.source,
    coalesce(paces.renewals, 0) as renewals,
    paces.median_days as median_days_between_renewals,
    coalesce(paces.is_off, false) as is_pace_off
from {{ ref('int_plan_versions') }} as versions
inner join {{ ref('int_as_of') }} as as_of on versions.company_id = as_of.company_id
left join {{ ref('int_plan_paces') }} as paces
    on versions.plan_id = paces.plan_id and versions.version_number = paces.version_number
where versions.valid_from <= as_of.as_of or versions.valid_from is null
