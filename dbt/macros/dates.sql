{#- The day a moment falls on in the reporting time zone. -#}
{% macro local_date(moment) %}
    {{- return(adapter.dispatch('local_date')(moment)) -}}
{% endmacro %}

{% macro default__local_date(moment) -%}
    cast({{ moment }} at time zone '{{ var("reporting_timezone") }}' as date)
{%- endmacro %}

{#- How many days one day is after another. -#}
{% macro days_between(first, last) %}
    {{- return(adapter.dispatch('days_between')(first, last)) -}}
{% endmacro %}

{% macro default__days_between(first, last) -%}
    ({{ last }} - {{ first }})
{%- endmacro %}

{#- A moment some days of 24 hours later: independent of any time zone and its clock changes. -#}
{% macro add_days(moment, days) -%}
    ({{ moment }} + {{ days }} * interval '24 hours')
{%- endmacro %}

{#- The first day of a day's month. -#}
{% macro month_of(day) -%}
    cast({{ dbt.date_trunc('month', day) }} as date)
{%- endmacro %}

{#- The last day of the month that starts on a day. -#}
{% macro last_day_of(month) -%}
    (cast({{ dbt.dateadd('month', 1, month) }} as date) - 1)
{%- endmacro %}

{#- One row per day or month from first to last, both included; none when either is null. -#}
{% macro each(datepart, first, last) %}
    {{- return(adapter.dispatch('each')(datepart, first, last)) -}}
{% endmacro %}

{#- The var as_of as a literal of every engine; a time without an offset is UTC. -#}
{% macro as_of_literal() -%}
    {%- set given = modules.datetime.datetime.fromisoformat(var('as_of') | string) -%}
    cast('{{ given.isoformat() }}{{ "" if given.tzinfo else "+00:00" }}' as {{ type_of('timestamptz') }})
{%- endmacro %}

{#- From one moment to another, in seconds with their fractions: exact, for comparing shares of time. -#}
{% macro seconds_between(first, last) %}
    {{- return(adapter.dispatch('seconds_between')(first, last)) -}}
{% endmacro %}

{% macro default__seconds_between(first, last) -%}
    cast(extract(epoch from {{ last }}) - extract(epoch from {{ first }}) as decimal(18, 6))
{%- endmacro %}
