{%- set facts = kept_facts() -%}
{%- set measures = dict(kept_measures(), **facts) -%}
{%- set amounts = ['gross_usd', 'refunded_usd', 'charged_back_usd', 'fees_usd'] -%}
{%- set of_memberships = ['mrr_change_usd'] + amounts + facts.keys() | list -%}

{%- set by_membership = [
    (ref('int_mrr_changes'), month_of('change_date'), {'mrr_change_usd': 'change_usd'}),
    (ref('int_money_events'), month_of('event_date'), dict(zip(amounts, amounts))),
    (ref('int_payment_facts'), 'month', dict(zip(facts, facts)))
] %}

with by_membership as (
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
