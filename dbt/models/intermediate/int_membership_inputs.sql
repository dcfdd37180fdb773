{{ config(enabled=target.type != 'spark') }}
{#- Of each row every column, but when it was read. -#}
{%- set bookkeeping = ['_whop_synced_at', '_dlt_load_id', '_dlt_id'] -%}

-- A number for each membership that stands for every row its numbers are made of: another one where any of it is.
with plan_rows as (
    select plan_id, {{ row_digest(columns_but(ref('int_plan_versions'), [], 'versions')) }} as digest
    from {{ ref('int_plan_versions') }} as versions
    union all
    select plan_id, {{ row_digest(['plan_id', 'product_id']) }}
    from {{ ref('base_whop__plans') }}
),

plans as (
    select plan_id, sum(digest) as digest
    from plan_rows
    group by plan_id
),

-- How often a code was used is not of whom it was used by.
promo_codes as (
    select
        promo_code_id,
        {{ row_digest(['promo_type', 'amount_off', 'currency', 'duration', 'promo_duration_months']) }} as digest
    from {{ ref('base_whop__promo_codes') }}
),

payments as (
    select
        payments.payment_id,
        {{ membership_key('payments.') }} as membership_key,
        {{ row_digest(
            columns_but(ref('stg_whop__payments'), ['synced_at'], 'payments')
            + ['plans.digest', 'promo_codes.digest', 'ledger_fees.fees_usd']
        ) }} as digest
    from {{ ref('stg_whop__payments') }} as payments
    left join plans on payments.plan_id = plans.plan_id
    left join promo_codes on payments.promo_code_id = promo_codes.promo_code_id
    left join {{ ref('int_ledger_fees') }} as ledger_fees on payments.payment_id = ledger_fees.payment_id
),

-- Of rows that Whop lists no more, too, there are facts.
keys as (
    select id as payment_id, coalesce(membership__id, id) as membership_key
    from ({{ newest_version('payments', keep_deleted=true) }}) as newest
),

inputs as (
    select membership_key, digest
    from payments
    union all
    select
        coalesce(payments.membership__id, payments.id),
        {{ row_digest(columns_but(source('whop_raw', 'payments'), bookkeeping, 'payments')) }}
    from ({{ newest_version('payments', keep_deleted=true) }}) as payments
    where payments._whop_deleted_at is not null
    {%- for table in ['refunds', 'disputes'] %}
    union all
    select
        keys.membership_key,
        {{ row_digest(columns_but(source('whop_raw', table), bookkeeping, table)) }}
    from ({{ newest_version(table, keep_deleted=true) }}) as {{ table }}
    inner join keys on {{ table }}.payment__id = keys.payment_id
    {%- endfor %}
    union all
    select
        memberships.membership_id,
        {{ row_digest(
            columns_but(ref('base_whop__memberships'), ['synced_at'], 'memberships') + ['plans.digest']
        ) }}
    from {{ ref('base_whop__memberships') }} as memberships
    left join plans on memberships.plan_id = plans.plan_id
    union all
    -- When a state was seen says what it is of.
    select membership_id, {{ row_digest(columns_but(ref('stg_whop__membership_states'), [], 'states')) }}
    from {{ ref('stg_whop__membership_states') }} as states
)

select
    membership_key,
    cast(sum(digest) as decimal(38, 0)) as digest
from inputs
group by membership_key
