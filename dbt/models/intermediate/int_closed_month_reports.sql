-- Which build told of a month first, once it was closed; of those since the memory of months begins.
with memories as (
    select company_id, min(month) as first_month, min(build_number) as first_build_number
    from {{ ref('int_closed_months') }}
    group by company_id
),

newest as (
    select company_id, reported_at, closed_through
    from {{ ref('int_builds') }}
    where is_newest
),

months as (
    select
        newest.company_id,
        newest.reported_at as last_reported_at,
        memories.first_build_number,
        {{ each('month', 'memories.first_month', 'newest.closed_through') }} as month
    from newest
    inner join memories on newest.company_id = memories.company_id
),

first_builds as (
    select
        months.company_id,
        months.month,
        months.last_reported_at,
        min(builds.build_number) as build_number
    from months
    inner join {{ ref('int_builds') }} as builds
        on months.company_id = builds.company_id
        and months.month <= builds.closed_through
        and months.first_build_number <= builds.build_number
    group by months.company_id, months.month, months.last_reported_at
)

select
    first_builds.company_id,
    first_builds.month,
    first_builds.build_number,
    builds.reported_at,
    first_builds.last_reported_at
from first_builds
inner join {{ ref('int_builds') }} as builds
    on first_builds.company_id = builds.company_id and first_builds.build_number = builds.build_number
