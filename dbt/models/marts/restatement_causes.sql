{%- set sums = restated_sums() -%}

with builds as (
    select company_id, build_number, reported_at
    from {{ ref('int_closed_months') }}
    where month is null
),

changes as (
    select *
    from {{ ref('int_closed_months') }}
    where cause is not null
),

-- Of each month that had been told of when this changed, and that it is part of.
told as (
    select
        reports.month as told_month,
        builds.reported_at as restated_at,
        changes.*
    from changes
    inner join {{ ref('int_closed_month_reports') }} as reports
        on changes.company_id = reports.company_id
        and changes.month <= reports.month
        and changes.build_number > reports.build_number
    inner join builds
        on changes.company_id = builds.company_id and changes.build_number = builds.build_number
),

long as (
    {%- for metric, (span, value) in sums.items() %}
    select
        company_id,
        told_month as month,
        '{{ metric }}' as metric,
        build_number,
        restated_at,
        membership_id,
        member_id,
        payment_id,
        cause,
        cast(sum({{ value }}) as decimal(38, 9)) as change
    from told
    where {{ months_of_sum(span, 'month', 'told_month') }}
    group by
        company_id, told_month, build_number, restated_at, membership_id, member_id, payment_id, cause
    having sum({{ value }}) <> 0
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    company_id,
    month,
    metric,
    build_number,
    restated_at,
    membership_id,
    member_id,
    payment_id,
    cause,
    change
from long
