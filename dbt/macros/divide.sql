{#-
    numerator / denominator, exact, rounded once to `scale` decimals, half away from zero; null when the
    denominator is 0. DuckDB divides decimals as doubles and Postgres picks a scale of its own, so both
    divide integers here: floor((2 * |n| * 10^scale + |d|) / (2 * |d|)) is |n / d| rounded half up.
    Operands carry at most 9 decimals; on DuckDB |numerator| * 10^scale stays below 8 * 10^28.
-#}
{% macro divide(numerator, denominator, scale) %}
    {{- return(adapter.dispatch('divide')(numerator, denominator, scale)) -}}
{% endmacro %}

{#-
    amount * part / whole, exact, rounded once to 9 decimals, half away from zero; null when the whole is 0. The
    product of two amounts has 18 decimals, more than `divide` takes: of a coin worth thousands they all count.
    Operands carry at most 9 decimals; on DuckDB amount * part stays below 8 * 10^19.
-#}
{% macro share(amount, part, whole) %}
    {{- return(adapter.dispatch('share')(amount, part, whole)) -}}
{% endmacro %}

{#- How many times a whole number goes into another, both at least 0. -#}
{% macro whole_quotient(number, by) %}
    {{- return(adapter.dispatch('whole_quotient')(number, by)) -}}
{% endmacro %}
