-- Do trials convert? By month of their start; the youngest months may still have trials running.
select
    company_id,
    month,
    trials_started,
    trials_converted,
    trial_conversion_rate
from {{ ref('metrics_monthly') }}
where trials_started > 0
order by company_id, month
