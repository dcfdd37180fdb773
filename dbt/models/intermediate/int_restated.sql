-- What this build says otherwise of months that had been told of: each with the last build that told of it.
with this_build as (
    select company_id, build_number
    from {{ ref('int_builds') }}
    where is_newest
),

-- A build that failed may have kept something of a month, and the next one the rest.
changes as (
    select
        kept.company_id,
        kept.build_number,
        kept.month,
        kept.kept_by,
        kept.membership_id,
        kept.member_id
        {%- for measure in dict(kept_measures(), **kept_facts()) %},
        sum(kept.{{ measure }}) as {{ measure }}
        {%- endfor %}
    from {{ ref('int_closed_months') }} as kept
    inner join this_build on kept.company_id = this_build.company_id and kept.build_number = this_build.build_number
    group by kept.company_id, kept.build_number, kept.month, kept.kept_by, kept.membership_id, kept.member_id
),

months as (
    select distinct company_id, month
    from changes
),

-- The last one that had the month: builds as of long ago have fewer.
told_last as (
    select months.company_id, months.month, max(told.build_number) as told_number
    from months
    inner join {{ ref('int_builds') }} as told
        on months.company_id = told.company_id and months.month <= told.closed_through and not told.is_newest
    group by months.company_id, months.month
)

select
    changes.company_id,
    changes.build_number,
    told_last.told_number,
    changes.month,
    changes.kept_by,
    changes.membership_id,
    changes.member_id,
    {%- for fact in kept_facts() %}
    changes.{{ fact }},
    {%- endfor %}
    {%- for measure in kept_measures() %}
    {{ 'or ' if not loop.first }}changes.{{ measure }} <> 0
    {%- endfor %} as is_moved
from changes
inner join told_last on changes.company_id = told_last.company_id and changes.month = told_last.month
