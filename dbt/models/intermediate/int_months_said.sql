{%- set facts = kept_facts() -%}
{%- set measures = dict(kept_measures(), **facts) -%}
{%- set amounts = ['gross_usd', 'refunded_usd', 'charged_back_usd', 'fees_usd'] -%}
{%- set of_memberships = ['mrr_change_usd'] + amounts + facts.keys() | list -%}
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
{%- for table in ['payments', 'refunds', 'disputes'] %}
raw_{{ table }} as (
    {{ newest_version(table, keep_deleted=true) }}
),
{% endfor %}
facts as (
    {%- for fact, table, moment, condition, columns in what_whop_says %}
    {%- set rows = [] %}
    {%- for column in columns %}
    {%- do rows.append(epoch_of(table ~ '.' ~ column) if column in moments else table ~ '.' ~ column) %}
    {%- endfor %}
    {%- set at = table ~ '.' ~ moment if moment in ['paid_at', 'created_at']
        else 'coalesce(payments.' ~ moment ~ ', payments.paid_at)' %}
    select
        payments.company_id,
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
),

{%- set by_membership = [
    (ref('int_mrr_changes'), month_of('change_date'), {'mrr_change_usd': 'change_usd'}),
    (ref('int_money_events'), month_of('event_date'), dict(zip(amounts, amounts))),
    ('facts', 'month', dict(zip(facts, facts)))
] %}

by_membership as (
    {%- for table, month, columns in by_membership %}
    select
        company_id,
        {{ month }} as month,
        membership_id,
        member_id
        {%- for measure in of_memberships %},
        {{ columns.get(measure, 0) }} as {{ measure }}
        {%- endfor %}
    from {{ table }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

by_member as (
    select
        company_id,
        {{ month_of('movement_date') }} as month,
        member_id
        {%- for kind in ['new', 'reactivation', 'expansion', 'contraction', 'churn'] %},
        case when movement_type = '{{ kind }}' then mrr_change_usd else 0 end as {{ kind }}_usd
        {%- endfor %},
        case when movement_type = 'new' then 1 else 0 end as customers_new,
        case when movement_type = 'reactivation' then 1 else 0 end as customers_reactivated,
        case when movement_type = 'churn' then 1 else 0 end as customers_churned,
        0 as starting_change_usd,
        0 as starting_loss_usd,
        0 as customers_lost
    from {{ ref('mrr_movements') }}
    union all
    select
        company_id,
        month,
        member_id,
        0, 0, 0, 0, 0, 0, 0, 0,
        mrr_end_usd - mrr_start_usd,
        least(mrr_end_usd, mrr_start_usd) - mrr_start_usd,
        case when mrr_end_usd = 0 then 1 else 0 end
    from {{ ref('int_member_months') }}
    where dimension = 'all' and mrr_start_usd > 0
)

select
    company_id, month, 'membership' as kept_by, membership_id, member_id
    {%- for measure in measures %},
    {{ measure if measure in of_memberships else 0 }} as {{ measure }}
    {%- endfor %}
from by_membership
union all
select
    company_id, month, 'member', null, member_id
    {%- for measure in measures %},
    {{ 0 if measure in of_memberships else measure }} as {{ measure }}
    {%- endfor %}
from by_member
