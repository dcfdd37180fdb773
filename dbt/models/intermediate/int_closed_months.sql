{#-
    The memory of what was said. Every build adds what its closed months say otherwise than all builds before it: the
    rows of a month added up are the month as it is now, those up to the build that first told of it as it was then.
    Never made anew: what was said is nowhere else.
-#}
{{ config(materialized='incremental', full_refresh=false, on_schema_change='append_new_columns') }}
{%- set facts = kept_facts() -%}
{%- set measures = dict(kept_measures(), **facts) -%}
{%- set of_memberships = ['mrr_change_usd', 'gross_usd', 'refunded_usd', 'charged_back_usd', 'fees_usd'] + facts.keys() | list %}

with builds as (
    select company_id, build_number, closed_through
    from {{ ref('int_builds') }}
    where is_newest
),

-- Those that Whop lists no more as well, whatever the var include_deleted: it is no fact of theirs.
payments as (
    {{ newest_version(source('whop_raw', 'payments'), keep_deleted=true) }}
),

payment_facts as (
    select
        id as payment_id,
        {{ month_of(local_date('paid_at')) }} as month,
        {{ fact_of([
            'id', 'membership__id', 'member__id', 'plan__id', 'product__id', 'status', epoch_of('paid_at'), 'currency',
            'total', 'tax_amount', 'usd_total', 'amount_after_fees', 'settlement_currency', 'settlement_amount',
            'settlement_exchange_rate', 'billing_reason', 'promo_code__id'
        ]) }} as payment_facts,
        0 as refund_facts,
        0 as dispute_facts
    from payments
    where paid_at is not null
    union all
    select
        id,
        {{ month_of(local_date('coalesce(refunded_at, paid_at)')) }},
        0,
        {{ fact_of(['id', epoch_of('refunded_at'), 'refunded_amount', 'tax_refunded_amount']) }},
        0
    from payments
    where refunded_amount > 0 and coalesce(refunded_at, paid_at) is not null
    union all
    select
        id,
        {{ month_of(local_date('coalesce(dispute_alerted_at, paid_at)')) }},
        0,
        0,
        {{ fact_of(['id', epoch_of('dispute_alerted_at'), 'substatus']) }}
    from payments
    where substatus = 'dispute_lost' and coalesce(dispute_alerted_at, paid_at) is not null
    union all
    select
        payment__id,
        {{ month_of(local_date('created_at')) }},
        0,
        {{ fact_of(['id', epoch_of('created_at'), 'status', 'currency', 'amount']) }},
        0
    from {{ source('whop_raw', 'refunds') }}
    where created_at is not null
    union all
    select
        payment__id,
        {{ month_of(local_date('created_at')) }},
        0,
        0,
        {{ fact_of(['id', epoch_of('created_at'), 'status', 'currency', 'amount']) }}
    from {{ source('whop_raw', 'disputes') }}
    where created_at is not null and status = 'lost'
),

by_membership as (
    select
        company_id,
        {{ month_of('change_date') }} as month,
        membership_id,
        member_id,
        change_usd as mrr_change_usd,
        0 as gross_usd,
        0 as refunded_usd,
        0 as charged_back_usd,
        0 as fees_usd,
        0 as payment_facts,
        0 as refund_facts,
        0 as dispute_facts
    from {{ ref('int_mrr_changes') }}
    union all
    select
        company_id,
        {{ month_of('event_date') }},
        membership_id,
        member_id,
        0,
        gross_usd,
        refunded_usd,
        charged_back_usd,
        fees_usd,
        0,
        0,
        0
    from {{ ref('int_money_events') }}
    union all
    select
        payments.company_id,
        payment_facts.month,
        payments.membership__id,
        coalesce(counted.member_id, payments.member__id),
        0,
        0,
        0,
        0,
        0,
        payment_facts.payment_facts,
        payment_facts.refund_facts,
        payment_facts.dispute_facts
    from payment_facts
    inner join payments on payment_facts.payment_id = payments.id
    left join {{ ref('int_payments') }} as counted on payments.id = counted.payment_id
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
),

said as (
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
    {%- if is_incremental() %}
    union all
    select
        company_id, month, kept_by, membership_id, member_id
        {%- for measure in measures %},
        -{{ measure }}
        {%- endfor %}
    from {{ this }}
    {%- endif %}
)

select
    builds.company_id,
    builds.build_number,
    said.month,
    said.kept_by,
    said.membership_id,
    said.member_id
    {%- for measure, type in measures.items() %},
    cast(sum(said.{{ measure }}) as {{ type }}) as {{ measure }}
    {%- endfor %}
from said
inner join builds on said.company_id = builds.company_id
where said.month <= builds.closed_through
group by builds.company_id, builds.build_number, said.month, said.kept_by, said.membership_id, said.member_id
having
    {%- for measure in measures %}
    sum(said.{{ measure }}) <> 0{{ ' or' if not loop.last }}
    {%- endfor %}
