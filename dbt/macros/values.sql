{#- A type of this project (text, bigint, decimal(38, 9), boolean, timestamptz, date, json) as the engine calls it. -#}
{% macro type_of(type) %}
    {{- return(adapter.dispatch('type_of')(type)) -}}
{% endmacro %}

{% macro default__type_of(type) -%}
    {{- type -}}
{%- endmacro %}

{#- A text to sort by its bytes, whatever the language of the warehouse is. -#}
{% macro by_bytes(text) %}
    {{- return(adapter.dispatch('by_bytes')(text)) -}}
{% endmacro %}

{% macro default__by_bytes(text) -%}
    {{ text }} collate "C"
{%- endmacro %}

{#- The middle one of a group's numbers; of two the smaller. Always a number that is there, and exact. -#}
{% macro median(number) %}
    {{- return(adapter.dispatch('median')(number)) -}}
{% endmacro %}

{% macro default__median(number) -%}
    percentile_disc(0.5) within group (order by {{ number }})
{%- endmacro %}
