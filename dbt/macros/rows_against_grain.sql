{#- One query of a model where unique and not_null are one each: what a test costs is dbt's part more than the query's. -#}
{% macro rows_against_grain(model, columns, never_null) %}
select
    {{ columns | join(', ') }},
    {%- for column in never_null %}
    count(*) - count({{ column }}) as {{ column }}_nulls,
    {%- endfor %}
    count(*) as rows_found
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1 {%- for column in never_null %} or count({{ column }}) < count(*) {%- endfor %}
{% endmacro %}
