with companies as (
    select company_id, title, route, member_count, created_at
    from {{ ref('stg_whop__companies') }}
),

-- A company whose own object could not be read still has rows in the other tables.
synced as (
    select company_id, last_synced_at, as_of
    from {{ ref('int_as_of') }}
)

select
    synced.company_id,
    companies.title,
    companies.route,
    companies.member_count,
    companies.created_at,
    synced.last_synced_at,
    synced.as_of
from synced
left join companies on synced.company_id = companies.company_id
