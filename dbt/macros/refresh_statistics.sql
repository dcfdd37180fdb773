{#- Postgres plans joins on a table it has just been given as if it were tiny, until it has counted it. -#}
{% macro refresh_statistics(relation) %}
    {%- if target.type == 'postgres' -%} analyze {{ relation }} {%- endif -%}
{% endmacro %}
