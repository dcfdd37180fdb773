{#- What is kept of a closed month, by membership (money and MRR) or by member (movements, what a ratio is made of). -#}
{% macro kept_measures() -%}
    {{ return({
        'mrr_change_usd': 'decimal(38, 6)',
        'new_usd': 'decimal(38, 6)',
        'reactivation_usd': 'decimal(38, 6)',
        'expansion_usd': 'decimal(38, 6)',
        'contraction_usd': 'decimal(38, 6)',
        'churn_usd': 'decimal(38, 6)',
        'starting_change_usd': 'decimal(38, 6)',
        'starting_loss_usd': 'decimal(38, 6)',
        'customers_new': 'bigint',
        'customers_reactivated': 'bigint',
        'customers_churned': 'bigint',
        'customers_lost': 'bigint',
        'gross_usd': 'decimal(38, 9)',
        'refunded_usd': 'decimal(38, 9)',
        'charged_back_usd': 'decimal(38, 9)',
        'fees_usd': 'decimal(38, 9)'
    }) }}
{%- endmacro %}

{#-
    What Whop said of the payments, refunds and disputes of a month, as numbers that are others when anything of it is:
    each row has one, and those of a month are added up. So they are kept and compared as every other measure is. No
    bigint: it holds the sum of some 33,000 such numbers of 48 bits, and a month may have more.
-#}
{% macro kept_facts() -%}
    {{ return({
        'payment_facts': 'decimal(38, 0)',
        'refund_facts': 'decimal(38, 0)',
        'dispute_facts': 'decimal(38, 0)'
    }) }}
{%- endmacro %}

{#-
    A number of 48 bits that stands for these columns of a row: the first of a digest of their text. The same on every
    engine, as one may go on in a bucket from what another has kept there.
-#}
{% macro fact_of(columns) -%}
    {%- set text = [] -%}
    {%- for column in columns -%}
        {%- do text.append("coalesce(cast(" ~ column ~ " as " ~ type_of('text') ~ "), '')") -%}
    {%- endfor -%}
    {{ return(adapter.dispatch('number_of_text')(text | join(" || '|' || "))) }}
{%- endmacro %}

{#- The same for a version of a plan that was given in a file. -#}
{% macro given_plan_fact() -%}
    {{ return(fact_of([
        epoch_of('valid_from'), epoch_of('valid_to'), 'plan_type', 'billing_period_days', 'initial_price',
        'renewal_price', 'currency', 'trial_period_days', 'split_pay_required_payments'
    ])) }}
{%- endmacro %}

{#-
    The month a fact is kept with: the one of the place on earth where it comes last. So it hangs on no setting, and is
    none after the month of any time zone: closed months have all of their facts.
-#}
{% macro fact_month(moment) -%}
    {{ month_of(utc_date('(' ~ moment ~ " - interval '12 hours')")) }}
{%- endmacro %}

{#- A moment as a number, which no session's time zone writes otherwise. -#}
{% macro epoch_of(moment) %}
    {{- return(adapter.dispatch('epoch_of')(moment)) -}}
{% endmacro %}

{% macro default__epoch_of(moment) -%}
    cast(extract(epoch from {{ moment }}) as decimal(18, 6))
{%- endmacro %}

{#-
    A table of earlier builds that this one adds to only at its end, as it is now; none before the first build. No
    `ref`, as what comes last cannot come first as well.
-#}
{% macro as_kept(name) -%}
    {%- if execute -%}
        {{ return(load_relation(this.incorporate(path={'identifier': name}))) }}
    {%- endif -%}
{%- endmacro %}

{#- Numbers of a month that are sums of what is kept: of the month itself, of all before it, of all until its end. -#}
{% macro restated_sums() -%}
    {{ return({
        'mrr_start_usd': ('before', 'mrr_change_usd'),
        'new_usd': ('during', 'new_usd'),
        'reactivation_usd': ('during', 'reactivation_usd'),
        'expansion_usd': ('during', 'expansion_usd'),
        'contraction_usd': ('during', 'contraction_usd'),
        'churn_usd': ('during', 'churn_usd'),
        'mrr_end_usd': ('until', 'mrr_change_usd'),
        'customers_start': ('before', 'customers_new + customers_reactivated - customers_churned'),
        'customers_new': ('during', 'customers_new'),
        'customers_reactivated': ('during', 'customers_reactivated'),
        'customers_churned': ('during', 'customers_churned'),
        'customers_end': ('until', 'customers_new + customers_reactivated - customers_churned'),
        'customers_lost': ('during', 'customers_lost'),
        'gross_usd': ('during', 'gross_usd'),
        'refunded_usd': ('during', 'refunded_usd'),
        'charged_back_usd': ('during', 'charged_back_usd'),
        'fees_usd': ('during', 'fees_usd'),
        'net_usd': ('during', 'gross_usd - refunded_usd - charged_back_usd - fees_usd')
    }) }}
{%- endmacro %}

{#- Which months a sum is over, as a condition on the month that is kept and the month that is told of. -#}
{% macro months_of_sum(span, kept, told) -%}
    {{ kept }} {{ {'before': '<', 'during': '=', 'until': '<='}[span] }} {{ told }}
{%- endmacro %}

{#- Models that keep what others say: what they are changes no number. -#}
{% macro remembering_models() -%}
    {{ return([
        'int_builds', 'int_months_said', 'int_months_changed', 'int_closed_months', 'int_closed_month_reports',
        'int_restated', 'int_restatement_evidence', 'int_closed_month_causes', 'int_told_builds', 'int_build_scope',
        'int_membership_inputs', 'int_changed_memberships', 'int_changed_members', 'int_built_memberships',
        'int_built_companies', 'int_payment_facts'
    ]) }}
{%- endmacro %}

{#-
    What the models are, as a text that is another one when they are: the SQL of everything that closed months are
    made of, and the release, as macros are in no graph.
-#}
{% macro rules_fingerprint() -%}
    {%- set sums = [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.package_name == project_name
            and node.name not in remembering_models()
            and ('intermediate' in node.fqn or 'staging' in node.fqn or node.name in ['mrr_movements', 'fct_subscriptions']) -%}
            {%- do sums.append(node.name ~ node.checksum.checksum) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(local_md5(var('release') ~ sums | sort | join(','))) }}
{%- endmacro %}

{#- The variables that numbers hang on. -#}
{% macro settings_fingerprint() -%}
    {{ return([
        var('reporting_timezone'), var('grace_days') | string, var('include_deleted') | string,
        'as_of' if var('as_of') else 'now'
    ] | join(' ')) }}
{%- endmacro %}
