{#-
    A raw table, or no rows of its columns where a warehouse does not have it yet: an older release loaded it, or
    the models are run by hand on raw tables that nothing was given to.
-#}
{% macro raw_rows(table, columns) -%}
    {%- set relation = source('whop_raw', table) -%}
    {%- if not execute or load_relation(relation) -%}
    {{ relation }}
    {%- else -%}
    (
        select
            {%- for column, type in columns.items() %}
            cast(null as {{ type }}) as {{ column }}{{ ',' if not loop.last }}
            {%- endfor %}
        where false
    )
    {%- endif -%}
{%- endmacro %}

{#- A column of a raw table, or nothing where a warehouse has none of it: it came with a later release, or surface. -#}
{% macro raw_column(table, column, type) -%}
    {%- set relation = load_relation(source('whop_raw', table)) if execute -%}
    {%- set columns = adapter.get_columns_in_relation(relation) | map(attribute='name') | map('lower') if relation else [] -%}
    {%- if not execute or column in columns -%} {{ column }} {%- else -%} cast(null as {{ type }}) {%- endif -%}
{%- endmacro %}
