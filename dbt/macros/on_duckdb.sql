{#- What DuckDB alone says or does otherwise: the macros of each are found by their prefix. -#}

{% macro duckdb__each(datepart, first, last) -%}
    cast(unnest(generate_series({{ first }}, {{ last }}, interval '1 {{ datepart }}')) as date)
{%- endmacro %}

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

{% macro duckdb__whole_quotient(number, by) -%}
    (({{ number }}) // ({{ by }}))
{%- endmacro %}

{% macro duckdb__number_of_text(text) -%}
    cast('0x' || substr(md5({{ text }}), 1, 12) as bigint)
{%- endmacro %}
