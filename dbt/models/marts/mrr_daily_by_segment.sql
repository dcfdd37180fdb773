with changes as (
    select
        company_id,
        dimension,
        value,
        change_date as date,
        sum(change_usd) as mrr_change_usd,
        count(case when mrr_after_usd = change_usd then 1 end)
        - count(case when mrr_after_usd = 0 then 1 end) as customers_change
    from {{ ref('int_segment_changes') }}
    group by company_id, dimension, value, change_date
),

segments as (
    select
        company_id,
        dimension,
        value,
        min(date) as first_day,
        max(date) as last_change,
        sum(mrr_change_usd) as mrr_now_usd
    from changes
    group by company_id, dimension, value
),

-- A value that nobody has any more ends with a 0: shops have a checkout link per buyer, and years of zeros each.
days as (
    select
        segments.company_id,
        segments.dimension,
        segments.value,
        {{ each(
            'day',
            'segments.first_day',
            'case when segments.mrr_now_usd > 0 then as_of.as_of_date else segments.last_change end'
        ) }} as date
    from segments
    inner join {{ ref('int_as_of') }} as as_of on segments.company_id = as_of.company_id
)

select
    days.company_id,
    days.date,
    days.dimension,
    days.value,
    cast(
        sum(coalesce(changes.mrr_change_usd, 0)) over (
            partition by days.company_id, days.dimension, days.value order by days.date
            rows between unbounded preceding and current row
        ) as decimal(38, 6)
    ) as mrr_usd,
    cast(
        sum(coalesce(changes.customers_change, 0)) over (
            partition by days.company_id, days.dimension, days.value order by days.date
            rows between unbounded preceding and current row
        ) as bigint
    ) as customers
from days
left join changes
    on days.company_id = changes.company_id
    and days.dimension = changes.dimension
    and days.value = changes.value
    and days.date = changes.date
