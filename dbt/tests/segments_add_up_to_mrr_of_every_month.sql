-- Within a value start and parts make end; along each dimension the parts add up to the company's. What a member
-- gains in one value and loses in another is expansion and contraction there, and neither or one of them in all.
with segments as (
    select
        company_id,
        dimension,
        month,
        sum(mrr_start_usd) as mrr_start_usd,
        sum(new_usd) as new_usd,
        sum(reactivation_usd) as reactivation_usd,
        sum(expansion_usd + contraction_usd) as change_usd,
        sum(churn_usd) as churn_usd,
        sum(mrr_end_usd) as mrr_end_usd
    from {{ ref('mrr_monthly_by_segment') }}
    group by company_id, dimension, month
)

select monthly.company_id, monthly.month, segments.dimension
from {{ ref('mrr_monthly') }} as monthly
inner join segments on monthly.company_id = segments.company_id and monthly.month = segments.month
where
    monthly.mrr_start_usd <> segments.mrr_start_usd
    or monthly.new_usd <> segments.new_usd
    or monthly.reactivation_usd <> segments.reactivation_usd
    or monthly.expansion_usd + monthly.contraction_usd <> segments.change_usd
    or monthly.churn_usd <> segments.churn_usd
    or monthly.mrr_end_usd <> segments.mrr_end_usd
union all
select company_id, month, dimension
from {{ ref('mrr_monthly_by_segment') }}
where mrr_start_usd + new_usd + reactivation_usd + expansion_usd + contraction_usd + churn_usd <> mrr_end_usd
