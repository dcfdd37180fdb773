{#-
    The first day of the month an analysis is asked for: the variable `month` (2026-10), else the one before the newest
    month there is, which is the last full one. `whop-elt ask` renders these without dbt: they use nothing but `var`.
-#}
{% macro asked_month(newest_month) -%}
    {%- if var('month', none) -%}
    cast('{{ var("month", none) }}-01' as date)
    {%- else -%}
    cast({{ newest_month }} - interval '1 month' as date)
    {%- endif -%}
{%- endmacro %}

{#- The number an analysis is asked for: the variable of that name, else another. -#}
{% macro asked_number(name, otherwise) -%}
    {{- var(name, none) or otherwise -}}
{%- endmacro %}
