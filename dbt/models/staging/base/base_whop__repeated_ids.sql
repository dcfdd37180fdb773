{#- Looked for once in a build: every staging view asks, and each would count all its rows. -#}
{{ config(materialized='table', post_hook="{{ refresh_statistics(this) }}") }}

{%- set found = [] -%}
{%- for table in tables_of_rows() -%}
    {%- set relation = source('whop_raw', table) -%}
    {%- if not execute or load_relation(relation) -%}
        {%- do found.append(
            "select '" ~ table ~ "' as table_name, id from " ~ relation ~ " group by id having count(*) > 1"
        ) -%}
    {%- endif -%}
{%- endfor %}

with repeated as (
    {{ found | join('\n    union all\n    ') }}
)

select
    cast(table_name as {{ dbt.type_string() }}) as table_name,
    id
from repeated
