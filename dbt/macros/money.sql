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

{#- An amount in a text like $1,234.50; null where it is anything else. -#}
{% macro amount_in_text(text) -%}
    case
        when translate({{ text }}, '0123456789$,.', '') = ''
            and translate({{ text }}, '$,.', '') <> ''
            and {{ text }} not like '%.%.%'
            and length({{ text }}) < 28
            then cast(translate({{ text }}, '$,', '') as decimal(38, 9))
    end
{%- endmacro %}
