{#-
    The hook before every model. One session time zone for every statement, whatever the server's or the machine's
    is; then what only some engines have.
-#}
{% macro prepare_session() %}
    {{- return(adapter.dispatch('prepare_session')()) -}}
{% endmacro %}

{% macro default__prepare_session() -%}
    set timezone = 'UTC'
{%- endmacro %}
