-- Recognized to date + deferred = gross - refunded - charged back to date, every month, from marts that know nothing of each other.
with billed as (
    select
        company_id,
        {{ month_of('date') }} as month,
        sum(gross_usd - refunded_usd - charged_back_usd) as billed_usd
    from {{ ref('revenue_daily') }}
    group by company_id, {{ month_of('date') }}
),

to_date_totals as (
    select
        recognition.company_id,
        recognition.month,
        recognition.deferred_end_usd,
        sum(recognition.recognized_usd) over months_to_date as recognized_usd,
        sum(coalesce(billed.billed_usd, 0)) over months_to_date as billed_usd
    from {{ ref('revenue_recognition_monthly') }} as recognition
    left join billed
        on recognition.company_id = billed.company_id
        and recognition.month = billed.month
    window months_to_date as (
        partition by recognition.company_id order by recognition.month
        rows between unbounded preceding and current row
    )
)

select company_id, month, deferred_end_usd, recognized_usd, billed_usd
from to_date_totals
where recognized_usd + deferred_end_usd <> billed_usd
