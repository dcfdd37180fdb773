-- By month the reasons add up to the failed and recovered payments of metrics_monthly.
with dunning as (
    select
        company_id,
        month,
        sum(payments) as payments,
        sum(payments_recovered) as payments_recovered,
        sum(amount_usd) as amount_usd,
        sum(recovered_usd) as recovered_usd
    from {{ ref('dunning_monthly') }}
    group by company_id, month
)

select metrics.company_id, metrics.month, metrics.failed_payments, dunning.payments
from {{ ref('metrics_monthly') }} as metrics
left join dunning
    on metrics.company_id = dunning.company_id
    and metrics.month = dunning.month
where
    metrics.failed_payments <> coalesce(dunning.payments, 0)
    or metrics.recovered_payments <> coalesce(dunning.payments_recovered, 0)
    or metrics.at_risk_usd <> coalesce(dunning.amount_usd, 0)
    or metrics.recovered_usd <> coalesce(dunning.recovered_usd, 0)
