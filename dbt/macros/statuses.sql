{#- Statuses of Whop, by what they mean for the numbers: each list is here once. -#}

{#- Of a payment that was tried and is not paid. -#}
{% macro unpaid_payment_statuses() -%}
    ('open', 'uncollectible', 'void', 'unresolved')
{%- endmacro %}

{#- Of a membership whose owner stays whatever is refunded: a month given back is goodwill. -#}
{% macro staying_statuses() -%}
    ('active', 'trialing')
{%- endmacro %}

{#- Of a membership that is to end, or has ended, with its period. -#}
{% macro ending_statuses() -%}
    ('canceling', 'completed')
{%- endmacro %}

{#- Of a membership whose charge failed. -#}
{% macro unpaid_membership_statuses() -%}
    ('past_due', 'unresolved')
{%- endmacro %}

{#- Of a membership that is charged no more. -#}
{% macro not_renewing_statuses() -%}
    ('canceling', 'canceled', 'completed', 'expired', 'drafted')
{%- endmacro %}
