-- Along each dimension the values add up to the whole, every day; and nobody is a customer of nothing.
with segments as (
    select company_id, dimension, date, sum(mrr_usd) as mrr_usd
    from {{ ref('mrr_daily_by_segment') }}
    group by company_id, dimension, date
),

dimensions as (
    select distinct company_id, dimension
    from segments
),

days as (
    select daily.company_id, daily.date, daily.mrr_usd, dimensions.dimension
    from {{ ref('mrr_daily') }} as daily
    inner join dimensions on daily.company_id = dimensions.company_id
)

select days.company_id, days.date, days.dimension, days.mrr_usd, segments.mrr_usd as segments_usd
from days
left join segments
    on days.company_id = segments.company_id
    and days.dimension = segments.dimension
    and days.date = segments.date
where days.mrr_usd <> coalesce(segments.mrr_usd, 0)
union all
select company_id, date, dimension, mrr_usd, null
from {{ ref('mrr_daily_by_segment') }}
where (mrr_usd > 0) <> (customers > 0)
