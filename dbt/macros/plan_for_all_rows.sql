{#-
    A hook of every model: the planner is told that a build reads whole tables. It guesses how many rows a step
    will give, guesses far too few after a step or two, and then looks up one row after the other what it should
    have read once: minutes in place of seconds, with a million payments. And it is given memory to sort in.
-#}
{% macro plan_for_all_rows() %}
    {{- return(adapter.dispatch('plan_for_all_rows')()) -}}
{% endmacro %}

{% macro default__plan_for_all_rows() -%}
{%- endmacro %}

{% macro postgres__plan_for_all_rows() -%}
    set enable_nestloop = off; set work_mem = '64MB'; set jit = off
{%- endmacro %}
