{{ config(enabled=target.type != 'spark') }}
{#- Comes last: a build that does not get here leaves the next one to make all anew, as does one that leaves models out. -#}
{%- if execute -%}
    {%- for node in models_by_change() -%}
        {%- if node.unique_id not in model.depends_on.nodes -%}
            {%- do exceptions.raise_compiler_error(node.name ~ ' is made by what changed: int_built_companies has to name it') -%}
        {%- endif -%}
    {%- endfor -%}
{%- endif -%}
{% for name in [
    'int_payment_amounts', 'int_payment_terms', 'int_refunds', 'int_chargebacks', 'int_payments', 'int_paid_periods',
    'int_period_ends', 'int_subscription_periods', 'int_subscription_ends', 'int_mrr_changes', 'int_money_events',
    'int_payment_facts', 'int_trials', 'int_segment_changes', 'int_member_months', 'int_built_memberships',
    'mrr_movements', 'fct_payments', 'fct_subscription_periods', 'fct_subscriptions'
] %}
-- depends_on: {{ ref(name) }}
{%- endfor %}

select
    company_id,
    as_of,
    '{{ basis_of_build() }}' as basis
from {{ ref('int_as_of') }}
{%- if execute and is_selection() %}
where false
{%- endif %}
