{#- An amount of a payment in US dollars; nothing is nothing, also when the rate is unknown. -#}
{% macro to_usd(amount) -%}
    case when {{ amount }} = 0 then cast(0 as decimal(38, 9)) else cast(({{ amount }}) * fx as decimal(38, 9)) end
{%- endmacro %}

{#- US dollars for one unit of a payment's currency; null when Whop does not say what it was worth. -#}
{% macro usd_rate() -%}
    case
        when currency = 'usd' and (usd_total is null or total = 0) then cast(1 as decimal(38, 18))
        when usd_total = total and total <> 0 then cast(1 as decimal(38, 18))
        else {{ divide('usd_total', 'total', 18) }}
    end
{%- endmacro %}

{#- What is charged every `days` days, per month: rounded to 6 decimals here, and only here. -#}
{% macro per_month(amount, days) -%}
    {%- set whole_months -%}
        case
            when {{ days }} between 28 and 31 then 1
            when {{ days }} between 89 and 92 then 3
            when {{ days }} between 180 and 184 then 6
            when {{ days }} between 365 and 366 then 12
            when {{ days }} between 730 and 731 then 24
        end
    {%- endset -%}
    {#- days / 30.4375 in integers: amount * 304375 / (days * 10000) -#}
    {{ divide(
        amount ~ ' * case when ' ~ whole_months ~ ' is null then 304375 else 10000 end',
        'coalesce(' ~ whole_months ~ ', ' ~ days ~ ') * 10000',
        6
    ) }}
{%- endmacro %}
