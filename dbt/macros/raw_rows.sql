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
            cast(null as {{ type_of(type) }}) as {{ column }}{{ ',' if not loop.last }}
            {%- endfor %}
        where false
    )
    {%- endif -%}
{%- endmacro %}
