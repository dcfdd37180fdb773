-- Why are charges declined, and which reasons come round? Failed payments of the last six months by reason.
with newest as (
    select company_id, max(month) as month
    from {{ ref('dunning_monthly') }}
    group by company_id
)

select
    dunning.company_id,
    dunning.decline_reason,
    sum(dunning.payments) as payments,
    sum(dunning.attempts_failed) as attempts_failed,
    sum(dunning.amount_usd) as amount_usd,
    sum(dunning.recovered_usd) as recovered_usd,
    round(100.0 * sum(dunning.payments_recovered) / sum(dunning.payments), 1) as percent_recovered
from {{ ref('dunning_monthly') }} as dunning
inner join newest on dunning.company_id = newest.company_id
where dunning.month > newest.month - interval '6 month'
group by dunning.company_id, dunning.decline_reason
order by dunning.company_id, payments desc, dunning.decline_reason
