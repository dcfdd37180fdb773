{%- set facts = kept_facts() -%}
{%- set measures = dict(kept_measures(), **facts) -%}
{%- set of_memberships = ['mrr_change_usd', 'gross_usd', 'refunded_usd', 'charged_back_usd', 'fees_usd']
    + facts.keys() | list -%}

-- Rows that Whop lists no more have their facts as well, whatever the var include_deleted: it is no fact of theirs.
with
{%- for table in ['payments', 'refunds', 'disputes'] %}
raw_{{ table }} as (
    {{ newest_version(source('whop_raw', table), keep_deleted=true) }}
),
{% endfor %}
facts as (
    select
        company_id,
        membership__id as membership_id,
        member__id as member_id,
        {{ month_of(local_date('paid_at')) }} as month,
        {{ fact_of([
            'id', 'membership__id', 'member__id', 'plan__id', 'product__id', 'status', epoch_of('paid_at'), 'currency',
            'total', 'tax_amount', 'usd_total', 'amount_after_fees', 'settlement_currency', 'settlement_amount',
            'settlement_exchange_rate', 'billing_reason', 'promo_code__id'
        ]) }} as payment_facts,
        0 as refund_facts,
        0 as dispute_facts
    from raw_payments
    where paid_at is not null
    union all
    select
        company_id,
        membership__id,
        member__id,
        {{ month_of(local_date('coalesce(refunded_at, paid_at)')) }},
        0,
        {{ fact_of(['id', epoch_of('refunded_at'), 'refunded_amount', 'tax_refunded_amount']) }},
        0
    from raw_payments
    where refunded_amount > 0 and coalesce(refunded_at, paid_at) is not null
    union all
    select
        company_id,
        membership__id,
        member__id,
        {{ month_of(local_date('coalesce(dispute_alerted_at, paid_at)')) }},
        0,
        0,
        {{ fact_of(['id', epoch_of('dispute_alerted_at'), 'substatus']) }}
    from raw_payments
    where substatus = 'dispute_lost' and coalesce(dispute_alerted_at, paid_at) is not null
    union all
    select
        payments.company_id,
        payments.membership_id,
        payments.member_id,
        {{ month_of(local_date('refunds.created_at')) }},
        0,
        {{ fact_of([
            'refunds.id', epoch_of('refunds.created_at'), 'refunds.status', 'refunds.currency', 'refunds.amount'
        ]) }},
        0
    from raw_refunds as refunds
    inner join {{ ref('int_payments') }} as payments on refunds.payment__id = payments.payment_id
    where refunds.created_at is not null
    union all
    select
        payments.company_id,
        payments.membership_id,
        payments.member_id,
        {{ month_of(local_date('disputes.created_at')) }},
        0,
        0,
        {{ fact_of([
            'disputes.id', epoch_of('disputes.created_at'), 'disputes.status', 'disputes.currency', 'disputes.amount'
        ]) }}
    from raw_disputes as disputes
    inner join {{ ref('int_payments') }} as payments on disputes.payment__id = payments.payment_id
    where disputes.created_at is not null and disputes.status = 'lost'
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
        company_id,
        month,
        membership_id,
        member_id,
        0,
        0,
        0,
        0,
        0,
        payment_facts,
        refund_facts,
        dispute_facts
    from facts
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
