-- Closed months whose rows, added up, are not what is kept of them: only these are looked at by membership and member.
{%- set kept = as_kept('int_closed_months') -%}
{%- set measures = dict(kept_measures(), **kept_facts()) %}

with now as (
    select
        company_id,
        month
        {%- for measure in measures %},
        sum({{ measure }}) as {{ measure }}
        {%- endfor %}
    from {{ ref('int_months_said') }}
    group by company_id, month
    {%- if kept %}
    union all
    select
        company_id,
        month
        {%- for measure in measures %},
        -sum({{ measure }})
        {%- endfor %}
    from {{ kept }}
    group by company_id, month
    {%- endif %}
)

select now.company_id, now.month
from now
inner join {{ ref('int_builds') }} as builds
    on now.company_id = builds.company_id and builds.is_newest and now.month <= builds.closed_through
group by now.company_id, now.month
having
    {%- for measure in measures %}
    sum(now.{{ measure }}) <> 0{{ ' or' if not loop.last }}
    {%- endfor %}
