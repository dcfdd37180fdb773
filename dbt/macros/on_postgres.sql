{#- What Postgres alone says or does otherwise: the macros of each are found by their prefix. -#}

{#-
    The hook before every model. A session waits so long for a lock, then its statement fails. And the planner is told
    that a build reads whole tables: it guesses how many rows a step will give, guesses far too few after a step or two,
    and then looks up one row after the other what it should have read once: minutes in place of seconds, with a million
    payments. And it is given memory to sort in.
-#}
{% macro postgres__prepare_session() -%}
    {{ default__prepare_session() }}; set lock_timeout = '{{ var("lock_wait_seconds") }}s';
    set enable_nestloop = off; set work_mem = '64MB'; set jit = off
{%- endmacro %}

{#- Postgres plans joins on a table it has just been given as if it were tiny, until it has counted it. -#}
{% macro postgres__refresh_statistics(relation) -%}
    analyze {{ relation }}
{%- endmacro %}

{% macro postgres__each(datepart, first, last) -%}
    cast(generate_series({{ first }}, {{ last }}, interval '1 {{ datepart }}') as date)
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

{% macro postgres__share(amount, part, whole) -%}
    {{ divide('(' ~ amount ~ ') * (' ~ part ~ ')', whole, 9) }}
{%- endmacro %}

{% macro postgres__whole_quotient(number, by) -%}
    div({{ number }}, {{ by }})
{%- endmacro %}

{% macro postgres__number_of_text(text) -%}
    cast(cast('x' || substr(md5({{ text }}), 1, 12) as bit(48)) as bigint)
{%- endmacro %}

{#- Of the text, as Postgres hashes a number without its sign: 20 and -20 would be the same row. -#}
{% macro postgres__row_digest(columns) -%}
    hashtextextended(row({{ columns | join(', ') }})::text, 0)
{%- endmacro %}
