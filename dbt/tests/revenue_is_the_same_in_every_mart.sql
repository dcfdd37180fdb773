with payments as (
    select
        company_id,
        sum(gross_usd) as gross_usd,
        sum(refunded_usd) as refunded_usd,
        sum(charged_back_usd) as charged_back_usd,
        sum(fees_usd) as fees_usd
    from {{ ref('fct_payments') }}
    -- A paid payment without a time has no day to be reported on; a test of its own warns of it.
    where paid_at is not null or refunded_at is not null or charged_back_at is not null
    group by company_id
),

daily as (
    select
        company_id,
        sum(gross_usd) as gross_usd,
        sum(refunded_usd) as refunded_usd,
        sum(charged_back_usd) as charged_back_usd,
        sum(fees_usd) as fees_usd
    from {{ ref('revenue_daily') }}
    group by company_id
),

monthly as (
    select
        company_id,
        sum(gross_usd) as gross_usd,
        sum(refunded_usd) as refunded_usd,
        sum(charged_back_usd) as charged_back_usd,
        sum(fees_usd) as fees_usd
    from {{ ref('metrics_monthly') }}
    group by company_id
)

select
    monthly.company_id,
    monthly.gross_usd,
    daily.gross_usd as daily_gross_usd,
    payments.gross_usd as payments_gross_usd
from monthly
left join daily on monthly.company_id = daily.company_id
left join payments on monthly.company_id = payments.company_id
where
    monthly.gross_usd <> coalesce(daily.gross_usd, 0)
    or monthly.refunded_usd <> coalesce(daily.refunded_usd, 0)
    or monthly.charged_back_usd <> coalesce(daily.charged_back_usd, 0)
    or monthly.fees_usd <> coalesce(daily.fees_usd, 0)
    or monthly.gross_usd <> coalesce(payments.gross_usd, 0)
    or monthly.refunded_usd <> coalesce(payments.refunded_usd, 0)
    or monthly.charged_back_usd <> coalesce(payments.charged_back_usd, 0)
    or monthly.fees_usd <> coalesce(payments.fees_usd, 0)
