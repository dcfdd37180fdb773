{#- Whop's metrics that are compared: what a value is in, and whether it is of a day or of a month's doings. -#}
{% macro compared_metrics() -%}
    {{- return({
        'gross_revenue': ('usd', 'flow'), 'total_refunded': ('usd', 'flow'), 'fees': ('usd', 'flow'),
        'net_revenue': ('usd', 'flow'), 'disputes': ('count', 'flow'), 'churn_rate': ('percent', 'rate'),
        'monthly_recurring_revenue': ('usd', 'level'), 'annual_recurring_revenue': ('usd', 'level')
    }) -}}
{%- endmacro %}

{#- The rules that make a difference, in the order in which a row has them. -#}
{% macro comparison_rules() -%}
    {{- return(['dates', 'tax', 'currency', 'disputes', 'other_fees', 'grace', 'paused', 'instalments']) -}}
{%- endmacro %}

{#- The day a moment falls on at Whop, whose statistics are asked for in UTC. -#}
{% macro utc_date(moment) %}
    {{- return(adapter.dispatch('utc_date')(moment)) -}}
{% endmacro %}

{% macro default__utc_date(moment) -%}
    cast({{ moment }} at time zone 'UTC' as date)
{%- endmacro %}

{#- A month's sum on Whop's days less the one on ours, of what happens at `whop_date` there and `our_date` here. -#}
{% macro on_other_days(table, amount, sign='') -%}
    select company_id, {{ month_of('whop_date') }} as month, {{ sign }}{{ amount }} as amount from {{ table }}
    union all
    select company_id, {{ month_of('our_date') }}, -({{ sign }}{{ amount }}) from {{ table }}
{%- endmacro %}

{#- A component of the ledger by month, and what we say of the same; only of companies with a ledger. -#}
{% macro ledger_and_ours(component, amount, ours) -%}
    select company_id, month, {{ amount }} as amount from lines where component = '{{ component }}'
    union all
    select ours.company_id, ours.month, {{ ours }}
    from ours
    inner join with_ledger on ours.company_id = with_ledger.company_id
{%- endmacro %}
