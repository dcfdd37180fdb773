with failed as (
    select
        payments.company_id,
        {{ month_of('payments.created_date') }} as month,
        -- The code is the same in every language; where there is none, what the bank said.
        coalesce(nullif(staged.decline_code, ''), nullif(payments.failure_message, ''), 'unknown') as decline_reason,
        payments.amount_usd,
        payments.payments_failed,
        payments.is_recovered,
        case when payments.is_recovered then {{ seconds_between('payments.created_at', 'payments.paid_at') }} end
            as seconds_to_recovery
    from {{ ref('fct_payments') }} as payments
    inner join {{ ref('stg_whop__payments') }} as staged on payments.payment_id = staged.payment_id
    where payments.is_failed and payments.created_date is not null
),

summed as (
    select
        company_id,
        month,
        decline_reason,
        count(*) as payments,
        sum(greatest(coalesce(payments_failed, 1), 1)) as attempts_failed,
        sum(amount_usd) as amount_usd,
        count(case when is_recovered then 1 end) as payments_recovered,
        sum(case when is_recovered then amount_usd else 0 end) as recovered_usd,
        {{ median('seconds_to_recovery') }} as median_seconds
    from failed
    group by company_id, month, decline_reason
)

select
    company_id,
    month,
    decline_reason,
    payments,
    cast(attempts_failed as bigint) as attempts_failed,
    cast(coalesce(amount_usd, 0) as decimal(38, 9)) as amount_usd,
    payments_recovered,
    cast(coalesce(recovered_usd, 0) as decimal(38, 9)) as recovered_usd,
    {{ divide('payments_recovered', 'payments', 9) }} as recovery_rate,
    {{ divide('median_seconds', '86400', 6) }} as median_days_to_recovery
from summed
