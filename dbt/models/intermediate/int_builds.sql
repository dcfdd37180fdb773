{%- set told = as_kept('int_told_builds') -%}
{%- set kept = as_kept('int_closed_months') -%}

-- This build, and those before it whose numbers have been told: one that failed on the way takes the same number
-- again, and what it kept counts as the work of the one that follows.
with given_plans as (
    select
        company_id,
        plan_id,
        sum({{ given_plan_fact() }}) as fact
    from {{ ref('stg_whop__given_plan_versions') }}
    group by company_id, plan_id
),

given_plans_of_companies as (
    select
        company_id,
        {{ dbt.listagg("plan_id || ' ' || cast(fact as " ~ type_of('text') ~ ")", "','", 'order by plan_id') }} as given_plans
    from given_plans
    group by company_id
),

told as (
    {%- if told %}
    select
        company_id,
        build_number,
        reported_at,
        last_synced_at,
        closed_through,
        rules,
        settings,
        given_plans
    from {{ told }}
    {%- else %}
    select
        cast(null as {{ type_of('text') }}) as company_id,
        cast(null as bigint) as build_number,
        cast(null as {{ type_of('timestamptz') }}) as reported_at,
        cast(null as {{ type_of('timestamptz') }}) as last_synced_at,
        cast(null as date) as closed_through,
        cast(null as {{ type_of('text') }}) as rules,
        cast(null as {{ type_of('text') }}) as settings,
        cast(null as {{ type_of('text') }}) as given_plans
    where false
    {%- endif %}
),

last_numbers as (
    select company_id, max(build_number) + 1 as build_number
    from told
    group by company_id
    {%- if kept %}
    union all
    select company_id, max(build_number)
    from {{ kept }}
    group by company_id
    {%- endif %}
),

numbers as (
    select company_id, max(build_number) as build_number
    from last_numbers
    group by company_id
)

select
    company_id,
    build_number,
    reported_at,
    last_synced_at,
    closed_through,
    rules,
    settings,
    given_plans,
    false as is_newest
from told
union all
select
    as_of.company_id,
    cast(coalesce(numbers.build_number, 1) as bigint),
    as_of.as_of,
    as_of.last_synced_at,
    cast({{ dbt.dateadd('month', -1, month_of('as_of.as_of_date')) }} as date),
    '{{ rules_fingerprint() }}',
    '{{ settings_fingerprint() }}',
    given_plans_of_companies.given_plans,
    true
from {{ ref('int_as_of') }} as as_of
left join numbers on as_of.company_id = numbers.company_id
left join given_plans_of_companies on as_of.company_id = given_plans_of_companies.company_id
