{#- Whole months in so many days: n = round(days / 30.4375) where 28n <= days <= 31n, else null: then they are days / 30.4375. -#}
{% macro whole_months(days) -%}
    {%- set nearest = 'cast(round(' ~ days ~ ' / 30.4375, 0) as bigint)' -%}
    case
        when {{ nearest }} >= 1 and {{ days }} between 28 * {{ nearest }} and 31 * {{ nearest }} then {{ nearest }}
    end
{%- endmacro %}

{#- What is charged every `days` days, per month, rounded to `scale` decimals. -#}
{% macro per_month(amount, days, scale=6) -%}
    {#- days / 30.4375 in integers: amount * 304375 / (days * 10000) -#}
    {{ divide(
        amount ~ ' * case when ' ~ whole_months(days) ~ ' is null then 304375 else 10000 end',
        'coalesce(' ~ whole_months(days) ~ ', ' ~ days ~ ') * 10000',
        scale
    ) }}
{%- endmacro %}

{#- Whether so many months are more than a period of so many days. -#}
{% macro is_longer_than_period(months, days) -%}
    case
        when {{ whole_months(days) }} is null then {{ months }} * 304375 > {{ days }} * 10000
        else {{ months }} > {{ whole_months(days) }}
    end
{%- endmacro %}

{#- Whether a moment is known and no more than the days of grace after another. -#}
{% macro is_in_grace(moment, end) -%}
    coalesce({{ moment }} <= {{ add_days(end, var('grace_days')) }}, false)
{%- endmacro %}
