{{ config(**by_change('members', 'member_id')) }}
-- Of the company as a whole by member, of a segment by membership.
with movements as (
    select
        company_id,
        'all' as dimension,
        'all' as value,
        member_id,
        cast(null as {{ dbt.type_string() }}) as membership_id,
        movement_date,
        mrr_before_usd,
        mrr_after_usd
    from {{ changed_rows(ref('mrr_movements'), 'members', 'member_id') }} as movements
    union all
    select
        company_id,
        dimension,
        value,
        member_id,
        membership_id,
        change_date,
        mrr_after_usd - change_usd,
        mrr_after_usd
    from {{ changed_rows(ref('int_segment_changes'), 'members', 'member_id') }} as changes
    where dimension in ('plan', 'product', 'country')
),

placed as (
    select
        movements.*,
        {{ month_of('movement_date') }} as month,
        row_number() over (
            partition by member_id, {{ month_of('movement_date') }}, dimension, value, membership_id, company_id
            order by movement_date
        ) as place
    from movements
)

select
    company_id,
    dimension,
    value,
    member_id,
    membership_id,
    month,
    cast(max(case when place = 1 then mrr_before_usd end) as decimal(38, 6)) as mrr_start_usd,
    -- Each movement begins where the one before it ended.
    cast(
        max(case when place = 1 then mrr_before_usd end) + sum(mrr_after_usd - mrr_before_usd) as decimal(38, 6)
    ) as mrr_end_usd
from placed
group by company_id, dimension, value, member_id, membership_id, month
