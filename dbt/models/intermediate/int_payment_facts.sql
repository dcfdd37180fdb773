{{ config(**by_change('memberships', membership_key())) }}
{%- set facts = kept_facts() -%}
{#- Each fact: when it is of, what of the row it stands for, and which rows have it; of payments or of what is theirs. -#}
{%- set what_whop_says = [
    ('payment_facts', 'payments', 'paid_at', none, [
        'id', 'membership__id', 'member__id', 'plan__id', 'product__id', 'status', 'paid_at', 'currency', 'total',
        'tax_amount', 'usd_total', 'amount_after_fees', 'settlement_currency', 'settlement_amount',
        'settlement_exchange_rate', 'billing_reason', 'promo_code__id'
    ]),
    ('refund_facts', 'payments', 'refunded_at', 'refunded_amount > 0', [
        'id', 'refunded_at', 'refunded_amount', 'tax_refunded_amount'
    ]),
    ('dispute_facts', 'payments', 'dispute_alerted_at', "substatus = 'dispute_lost'", [
        'id', 'dispute_alerted_at', 'substatus'
    ]),
    ('refund_facts', 'refunds', 'created_at', none, ['id', 'created_at', 'status', 'currency', 'amount']),
    ('dispute_facts', 'disputes', 'created_at', "status = 'lost'", ['id', 'created_at', 'status', 'currency', 'amount'])
] -%}
{%- set moments = ['paid_at', 'refunded_at', 'dispute_alerted_at', 'created_at'] -%}

-- Rows that Whop lists no more have their facts as well, whatever the var include_deleted: it is no fact of theirs.
with
raw_payments as (
    select payments.*
    from {{ changed_rows(
        '(' ~ newest_version('payments', keep_deleted=true) ~ ')', 'memberships', 'coalesce(membership__id, id)'
    ) }} as payments
)
{%- for table in ['refunds', 'disputes'] %},

raw_{{ table }} as (
    {{ newest_version(table, keep_deleted=true) }}
)
{%- endfor %}

{%- for fact, table, moment, condition, columns in what_whop_says %}
{%- set rows = [] %}
{%- for column in columns %}
{%- do rows.append(epoch_of(table ~ '.' ~ column) if column in moments else table ~ '.' ~ column) %}
{%- endfor %}
{%- set at = table ~ '.' ~ moment if moment in ['paid_at', 'created_at']
    else 'coalesce(payments.' ~ moment ~ ', payments.paid_at)' %}
select
    payments.company_id,
    payments.id as payment_id,
    payments.membership__id as membership_id,
    payments.member__id as member_id,
    {{ fact_month(at) }} as month
    {%- for each, type in facts.items() %},
    cast({{ fact_of(rows) if each == fact else 0 }} as {{ type }}) as {{ each }}
    {%- endfor %}
from raw_payments as payments
{%- if table != 'payments' %}
inner join raw_{{ table }} as {{ table }} on payments.id = {{ table }}.payment__id
{%- endif %}
where {{ at }} is not null{{ ' and ' ~ table ~ '.' ~ condition if condition }}
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
