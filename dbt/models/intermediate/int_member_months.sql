with movements as (
    select
        company_id,
        member_id,
        {{ month_of('movement_date') }} as month,
        mrr_before_usd,
        mrr_after_usd,
        row_number() over (
            partition by company_id, member_id, {{ month_of('movement_date') }} order by movement_date
        ) as place_from_start,
        row_number() over (
            partition by company_id, member_id, {{ month_of('movement_date') }} order by movement_date desc
        ) as place_from_end
    from {{ ref('mrr_movements') }}
)

select
    company_id,
    member_id,
    month,
    max(case when place_from_start = 1 then mrr_before_usd end) as mrr_start_usd,
    max(case when place_from_end = 1 then mrr_after_usd end) as mrr_end_usd
from movements
group by company_id, member_id, month
