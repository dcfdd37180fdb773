-- By month of earning the waterfall is what is recognized, and what is still to come is what is deferred now; each is
-- rounded once per month of receipt.
with by_month as (
    select company_id, earning_month as month, sum(earned_usd) as amount_usd
    from {{ ref('deferred_revenue_waterfall') }}
    where earned_usd <> 0
    group by company_id, earning_month
),

to_come as (
    select company_id, sum(to_earn_usd) as amount_usd
    from {{ ref('deferred_revenue_waterfall') }}
    group by company_id
),

last_months as (
    select company_id, max(month) as month
    from {{ ref('revenue_recognition_monthly') }}
    group by company_id
)

select recognition.company_id, recognition.month, recognition.recognized_usd, recognition.deferred_end_usd
from {{ ref('revenue_recognition_monthly') }} as recognition
inner join last_months on recognition.company_id = last_months.company_id
left join by_month
    on recognition.company_id = by_month.company_id
    and recognition.month = by_month.month
left join to_come on recognition.company_id = to_come.company_id
where
    abs(recognition.recognized_usd - coalesce(by_month.amount_usd, 0)) > 0.00001
    or (
        recognition.month = last_months.month
        and abs(recognition.deferred_end_usd - coalesce(to_come.amount_usd, 0)) > 0.00001
    )
