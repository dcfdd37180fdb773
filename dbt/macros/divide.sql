{#-
    numerator / denominator, exact, rounded once to `scale` decimals, half away from zero; null when the
    denominator is 0. DuckDB divides decimals as doubles and Postgres picks a scale of its own, so both
    divide integers here: floor((2 * |n| * 10^scale + |d|) / (2 * |d|)) is |n / d| rounded half up.
    Operands carry at most 9 decimals; on DuckDB |numerator| * 10^scale stays below 8 * 10^28.
-#}
{% macro divide(numerator, denominator, scale) %}
    {{- return(adapter.dispatch('divide')(numerator, denominator, scale)) -}}
{% endmacro %}

{% macro duckdb__divide(numerator, denominator, scale) -%}
    {%- set n = 'cast(cast(' ~ numerator ~ ' as decimal(38, 9)) * 1000000000 as hugeint)' -%}
    {%- set d = 'nullif(cast(cast(' ~ denominator ~ ' as decimal(38, 9)) * 1000000000 as hugeint), 0)' -%}
    cast(
        cast(
            sign({{ n }}) * sign({{ d }})
            * ((abs({{ n }}) * 2{{ '0' * scale }} + abs({{ d }})) // (2 * abs({{ d }}))) as decimal(38, 0)
        ) * 0.{{ '0' * (scale - 1) }}1 as decimal(38, {{ scale }})
    )
{%- endmacro %}

{% macro postgres__divide(numerator, denominator, scale) -%}
    {%- set n = 'cast(' ~ numerator ~ ' as numeric)' -%}
    {%- set d = 'nullif(cast(' ~ denominator ~ ' as numeric), 0)' -%}
    cast(
        sign({{ n }}) * sign({{ d }})
        * div(abs({{ n }}) * 2{{ '0' * scale }} + abs({{ d }}), 2 * abs({{ d }}))
        * 0.{{ '0' * (scale - 1) }}1 as decimal(38, {{ scale }})
    )
{%- endmacro %}

{#-
    amount * part / whole, exact, rounded once to 9 decimals, half away from zero; null when the whole is 0. The
    product of two amounts has 18 decimals, more than `divide` takes: of a coin worth thousands they all count.
    Operands carry at most 9 decimals; on DuckDB amount * part stays below 8 * 10^19.
-#}
{% macro share(amount, part, whole) %}
    {{- return(adapter.dispatch('share')(amount, part, whole)) -}}
{% endmacro %}

{% macro duckdb__share(amount, part, whole) -%}
    {%- set a = 'cast(cast(' ~ amount ~ ' as decimal(38, 9)) * 1000000000 as hugeint)' -%}
    {%- set p = 'cast(cast(' ~ part ~ ' as decimal(38, 9)) * 1000000000 as hugeint)' -%}
    {%- set w = 'nullif(cast(cast(' ~ whole ~ ' as decimal(38, 9)) * 1000000000 as hugeint), 0)' -%}
    cast(
        cast(
            sign({{ a }}) * sign({{ p }}) * sign({{ w }})
            * ((2 * abs({{ a }}) * abs({{ p }}) + abs({{ w }})) // (2 * abs({{ w }}))) as decimal(38, 0)
        ) * 0.000000001 as decimal(38, 9)
    )
{%- endmacro %}

{% macro postgres__share(amount, part, whole) -%}
    {{ divide('(' ~ amount ~ ') * (' ~ part ~ ')', whole, 9) }}
{%- endmacro %}

{#- How many times a whole number goes into another, both at least 0. -#}
{% macro whole_quotient(number, by) %}
    {{- return(adapter.dispatch('whole_quotient')(number, by)) -}}
{% endmacro %}

{% macro duckdb__whole_quotient(number, by) -%}
    (({{ number }}) // ({{ by }}))
{%- endmacro %}

{% macro postgres__whole_quotient(number, by) -%}
    div({{ number }}, {{ by }})
{%- endmacro %}
