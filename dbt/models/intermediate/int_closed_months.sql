{#-
    The memory of what was said. Every build adds what its closed months say otherwise than all builds before it: the
    rows of a month added up are the month as it is now, those up to the build that first told of it as it was then.
    Never made anew: what was said is nowhere else.
-#}
{{ config(materialized='incremental', full_refresh=false, on_schema_change='append_new_columns') }}
{%- set measures = dict(kept_measures(), **kept_facts()) %}

with changed as (
    select changed.company_id, changed.month, builds.build_number
    from {{ ref('int_months_changed') }} as changed
    inner join {{ ref('int_builds') }} as builds on changed.company_id = builds.company_id and builds.is_newest
),

said as (
    select
        company_id, month, kept_by, membership_id, member_id
        {%- for measure in measures %},
        {{ measure }}
        {%- endfor %}
    from {{ ref('int_months_said') }}
    {%- if is_incremental() %}
    union all
    select
        company_id, month, kept_by, membership_id, member_id
        {%- for measure in measures %},
        -{{ measure }}
        {%- endfor %}
    from {{ this }}
    {%- endif %}
)

select
    said.company_id,
    changed.build_number,
    said.month,
    said.kept_by,
    said.membership_id,
    said.member_id
    {%- for measure, type in measures.items() %},
    cast(sum(said.{{ measure }}) as {{ type }}) as {{ measure }}
    {%- endfor %}
from said
inner join changed on said.company_id = changed.company_id and said.month = changed.month
group by said.company_id, changed.build_number, said.month, said.kept_by, said.membership_id, said.member_id
having
    {%- for measure in measures %}
    sum(said.{{ measure }}) <> 0{{ ' or' if not loop.last }}
    {%- endfor %}
