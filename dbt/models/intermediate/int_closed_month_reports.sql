-- Which build told of a month first, once it was closed, and which told of it last.
with builds as (
    select company_id, build_number, reported_at, closed_through
    from {{ ref('int_closed_months') }}
    where month is null
),

first_months as (
    select company_id, min(month) as first_month
    from {{ ref('int_closed_months') }}
    where month is not null
    group by company_id
),

placed as (
    select
        builds.*,
        row_number() over (partition by company_id order by build_number desc) as place
    from builds
),

months as (
    select
        placed.company_id,
        placed.reported_at as last_reported_at,
        {{ each('month', 'first_months.first_month', 'placed.closed_through') }} as month
    from placed
    inner join first_months on placed.company_id = first_months.company_id
    where placed.place = 1
),

first_builds as (
    select
        months.company_id,
        months.month,
        months.last_reported_at,
        min(builds.build_number) as build_number
    from months
    inner join builds on months.company_id = builds.company_id and months.month <= builds.closed_through
    group by months.company_id, months.month, months.last_reported_at
)

select
    first_builds.company_id,
    first_builds.month,
    first_builds.build_number,
    builds.reported_at,
    first_builds.last_reported_at
from first_builds
inner join builds
    on first_builds.company_id = builds.company_id and first_builds.build_number = builds.build_number
