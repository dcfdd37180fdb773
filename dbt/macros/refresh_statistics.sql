{#- The hook after each table: what an engine has to be told of its rows. -#}
{% macro refresh_statistics(relation) %}
    {{- return(adapter.dispatch('refresh_statistics')(relation)) -}}
{% endmacro %}

{% macro default__refresh_statistics(relation) -%}
{%- endmacro %}
