with covering_periods as (
    select
        periods.company_id,
        periods.member_id,
        periods.product_id,
        periods.plan_id,
        periods.mrr_usd,
        {{ local_date('periods.period_start') }} as first_day,
        -- An end that is still to come has not happened: until then the period covers every day.
        case
            when periods.period_end <= as_of.as_of then {{ local_date('periods.period_end') }}
        end as first_day_after
    from {{ ref('int_subscription_periods') }} as periods
    inner join {{ ref('int_as_of') }} as as_of on periods.company_id = as_of.company_id
    where periods.period_start <= as_of.as_of
),

starts_and_ends as (
    select company_id, member_id, product_id, plan_id, first_day as change_date, mrr_usd as change_usd
    from covering_periods
    where first_day < first_day_after or first_day_after is null
    union all
    select company_id, member_id, product_id, plan_id, first_day_after, -mrr_usd
    from covering_periods
    where first_day < first_day_after
)

-- A renewal ends one period and starts the next on the same day: nothing changed.
select
    company_id,
    member_id,
    product_id,
    plan_id,
    change_date,
    cast(sum(change_usd) as decimal(38, 6)) as change_usd
from starts_and_ends
group by company_id, member_id, product_id, plan_id, change_date
having sum(change_usd) <> 0
