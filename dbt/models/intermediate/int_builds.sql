{%- set told = as_kept('int_told_builds') -%}
{%- set kept = as_kept('int_closed_months') -%}
{#- What is known of a build: its type, and what it is of this one. -#}
{%- set columns = {
    'company_id': ('text', 'as_of.company_id'),
    'build_number': ('bigint', 'cast(coalesce(numbers.build_number, 1) as bigint)'),
    'reported_at': ('timestamptz', 'as_of.as_of'),
    'last_synced_at': ('timestamptz', 'as_of.last_synced_at'),
    'closed_through': (
        'date', 'cast(' ~ dbt.dateadd('month', -1, month_of('as_of.as_of_date')) ~ ' as date)'
    ),
    'rules': ('text', "'" ~ rules_fingerprint() ~ "'"),
    'settings': ('text', "'" ~ settings_fingerprint() ~ "'"),
    'given_plans': ('text', 'given_plans_of_companies.given_plans')
} -%}

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
    select
        {%- for column, (type, now) in columns.items() %}
        {{ column if told else 'cast(null as ' ~ type_of(type) ~ ') as ' ~ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    {{ 'from ' ~ told if told else 'where false' }}
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

select {{ columns | join(', ') }}, false as is_newest
from told
union all
select
    {%- for column, (type, now) in columns.items() %}
    {{ now }},
    {%- endfor %}
    true
from {{ ref('int_as_of') }} as as_of
left join numbers on as_of.company_id = numbers.company_id
left join given_plans_of_companies on as_of.company_id = given_plans_of_companies.company_id
