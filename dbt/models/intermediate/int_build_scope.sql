{{ config(enabled=target.type != 'spark') }}
{%- set built = built_relation('int_built_companies') if execute -%}
{#- What holds for every company: a table that is not there, or that this build leaves out, cannot be as the others. -#}
{%- set because = none -%}
{%- if execute -%}
    {%- set missing = [] -%}
    {%- for node in models_by_change() -%}
        {%- if built_relation(node.name) is none -%}{%- do missing.append(node.name) -%}{%- endif -%}
    {%- endfor -%}
    {%- set because = 'asked for' if not can_be_by_change() else 'a selection' if is_selection()
        else missing | join(', ') ~ ' is missing' if built and missing -%}
{%- endif -%}

-- Whether this build makes anew only what changed, and if not, why: a row without a reason for each company.
with now as (
    select company_id, as_of
    from {{ ref('int_as_of') }}
),

before as (
    {%- if built %}
    select company_id, as_of, basis
    from {{ built }}
    {%- else %}
    select company_id, as_of, cast('' as {{ type_of('text') }}) as basis
    from now
    where false
    {%- endif %}
)

select
    coalesce(now.company_id, before.company_id) as company_id,
    before.as_of as built_as_of,
    now.as_of,
    case
        {%- if because %}
        when true then '{{ because }}'
        {%- endif %}
        when before.company_id is null or now.company_id is null then 'no earlier build came to its end'
        when before.basis <> '{{ basis_of_build() }}' then 'other models or settings'
        when now.as_of < before.as_of then 'an earlier as_of'
    end as made_whole_because,
    '{{ invocation_id }}' as invocation_id
from now
full join before on now.company_id = before.company_id
