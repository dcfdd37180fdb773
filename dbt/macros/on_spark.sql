{#-
    What Spark says or does otherwise than DuckDB and Postgres, and nothing else: the macros of each are found by
    their prefix.
-#}

{#-
    Before each model: settings without which numbers are wrong and nothing says so have to hold. The profile sets
    them, and a server may keep its own. What is looked at is what they do.
-#}
{% macro spark__prepare_session() -%}
    {%- if execute -%}
        {%- set found = run_query(
            "select current_timezone(), "
            ~ "typeof(cast(1 as decimal(38, 18)) * cast(1 as decimal(38, 18))), typeof(coalesce(1, '1')), "
            ~ '"found" from (select 1 as found) as names'
        ).rows[0] -%}
        {%- for name, wanted, is_right in [
            ('spark.sql.session.timeZone', 'UTC', found[0] in ('UTC', 'Etc/UTC', 'Z', 'GMT')),
            ('spark.sql.decimalOperations.allowPrecisionLoss', 'false', found[1] == 'decimal(38,36)'),
            ('spark.sql.ansi.enabled', 'true', found[2] == 'bigint'),
            ('spark.sql.ansi.doubleQuotedIdentifiers', 'true', found[3] | string == '1')
        ] if not is_right -%}
            {%- do exceptions.raise_compiler_error(
                name ~ ' is not ' ~ wanted ~ ' on this Spark, and numbers would be wrong without an error: set it'
            ) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{% macro spark__type_of(type) -%}
    {{- {
        'text': 'string', 'varchar': 'string', 'json': 'string', 'timestamptz': 'timestamp', 'double precision': 'double'
    }.get(type, type) -}}
{%- endmacro %}

{#- Spark compares texts by their bytes. -#}
{% macro spark__by_bytes(text) -%}
    {{ text }}
{%- endmacro %}

{#-
    Its percentile_disc is a double. The case: Spark takes what `element_at` finds in a list without nulls for never null,
    also where there is no place to look at.
-#}
{% macro spark__median(number) -%}
    case
        when count({{ number }}) > 0
            then element_at(sort_array(collect_list({{ number }})), cast((count({{ number }}) + 1) div 2 as integer))
    end
{%- endmacro %}

{% macro spark__local_date(moment) -%}
    cast(from_utc_timestamp({{ moment }}, '{{ var("reporting_timezone") }}') as date)
{%- endmacro %}

{#- The session's time zone is UTC: `prepare_session` sees to it. -#}
{% macro spark__utc_date(moment) -%}
    cast({{ moment }} as date)
{%- endmacro %}

{% macro spark__days_between(first, last) -%}
    datediff({{ last }}, {{ first }})
{%- endmacro %}

{% macro spark__seconds_between(first, last) -%}
    cast((unix_micros({{ last }}) - unix_micros({{ first }})) * 0.000001 as decimal(18, 6))
{%- endmacro %}

{#- A sequence from a later day to an earlier one is an error; one of a null is null, which explodes into no rows. -#}
{% macro spark__each(datepart, first, last) -%}
    explode(
        case
            when cast({{ first }} as date) <= cast({{ last }} as date)
                then sequence(cast({{ first }} as date), cast({{ last }} as date), interval 1 {{ datepart }})
        end
    )
{%- endmacro %}

{% macro spark__whole_quotient(number, by) -%}
    (cast({{ number }} as bigint) div cast({{ by }} as bigint))
{%- endmacro %}

{#-
    The quotient of `n` and `d`, two whole numbers that are not below 0, rounded half up. `div` of decimals is a bigint
    that wraps without an error, and `/` rounds: what is left over is taken off first, and looked at then. How many digits
    `/` leaves for the quotient depends on how many the divisor may have: 29 beside one of 19, 23 beside one of 30, which
    is more than is left of 38 then. What does not fit is an error.
-#}
{% macro rounded_quotient_on_spark() -%}
    case
        when d < 10000000000000000000 then cast((n - n % d) / cast(d as decimal(19, 0)) as decimal(38, 0))
        else cast((n - n % d) / cast(d as decimal(30, 0)) as decimal(38, 0))
    end + case when n % d >= d - n % d then 1bd else 0bd end
{%- endmacro %}

{#- An amount in billionths, which is a whole number. -#}
{% macro billionths_on_spark(amount) -%}
    cast(cast({{ amount }} as decimal(38, 9)) * 1000000000 as decimal(38, 0))
{%- endmacro %}

{#-
    A quotient and its sign. `zip_with` of lists of one is how an expression names what it uses more than once.
-#}
{% macro signed_quotient_on_spark(n, d, scale) -%}
    element_at(
        zip_with(
            array({{ n }}), array({{ d }}),
            (whole, part) -> element_at(
                zip_with(
                    array(abs(whole)), array(nullif(abs(part), 0)),
                    (n, d) -> cast(
                        cast(sign(whole) * sign(part) as decimal(1, 0)) * ({{ rounded_quotient_on_spark() }})
                        * 0.{{ '0' * (scale - 1) }}1bd as decimal(38, {{ scale }})
                    )
                ), 1
            )
        ), 1
    )
{%- endmacro %}

{% macro spark__divide(numerator, denominator, scale) -%}
    {%- set n = 'cast(' ~ billionths_on_spark(numerator) ~ ' * 1' ~ '0' * scale ~ 'bd as decimal(38, 0))' -%}
    {{ signed_quotient_on_spark(n, billionths_on_spark(denominator), scale) }}
{%- endmacro %}

{% macro spark__share(amount, part, whole) -%}
    {%- set product = 'cast(' ~ billionths_on_spark(amount) ~ ' * ' ~ billionths_on_spark(part) ~ ' as decimal(38, 0))' -%}
    {{ signed_quotient_on_spark(product, billionths_on_spark(whole), 9) }}
{%- endmacro %}

{#- dbt casts to the types of a contract, which are as this project writes them. -#}
{% macro spark__cast(field, type) -%}
    cast({{ field }} as {{ type_of(type) }})
{%- endmacro %}

{#- dbt's own is a timestamp, and an error of a day that is not known. -#}
{% macro spark__dateadd(datepart, interval, from_date_or_timestamp) -%}
    {%- if datepart == 'month' -%}
    add_months(cast({{ from_date_or_timestamp }} as date), cast({{ interval }} as integer))
    {%- else -%}
    {{ exceptions.raise_compiler_error('On Spark only months are added here, not ' ~ datepart) }}
    {%- endif -%}
{%- endmacro %}

{% macro spark__number_of_text(text) -%}
    cast(conv(substr(md5({{ text }}), 1, 12), 16, 10) as bigint)
{%- endmacro %}

{% macro spark__epoch_of(moment) -%}
    cast(unix_micros({{ moment }}) * 0.000001bd as decimal(18, 6))
{%- endmacro %}

{#- dbt's own takes no order. -#}
{% macro spark__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
    listagg({{ measure }}, {{ delimiter_text }}) within group ({{ order_by_clause }})
{%- endmacro %}
