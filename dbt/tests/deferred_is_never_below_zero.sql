-- A refund takes no more from what is deferred than there is, also one of tax: the rest comes off what was earned.
-- (A month adds up quotients of 9 decimals, one per length of period: hence not quite 0.)
select company_id, month, deferred_end_usd
from {{ ref('revenue_recognition_monthly') }}
where deferred_end_usd < -0.000001
