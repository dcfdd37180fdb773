{{ config(enabled=target.type != 'spark') }}
{#- Of each row every column, but when it was read. Of Whop's rows those that it lists no more, too: there are facts of them. -#}
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
        payments.id as payment_id,
        coalesce(payments.membership__id, payments.id) as membership_key,
        {{ row_digest(
            columns_but(source('whop_raw', 'payments'), bookkeeping, 'payments')
            + ['plans.digest', 'promo_codes.digest', 'ledger_fees.fees_usd']
        ) }} as digest
    from ({{ newest_version('payments', keep_deleted=true) }}) as payments
    left join plans on payments.plan__id = plans.plan_id
    left join promo_codes on payments.promo_code__id = promo_codes.promo_code_id
    left join {{ ref('int_ledger_fees') }} as ledger_fees on payments.id = ledger_fees.payment_id
),

inputs as (
    select membership_key, digest
    from payments
    {%- for table in ['refunds', 'disputes'] %}
    union all
    select
        payments.membership_key,
        {{ row_digest(columns_but(source('whop_raw', table), bookkeeping, table)) }}
    from ({{ newest_version(table, keep_deleted=true) }}) as {{ table }}
    inner join payments on {{ table }}.payment__id = payments.payment_id
    {%- endfor %}
    union all
    select
        memberships.id,
        {{ row_digest(
            columns_but(source('whop_raw', 'memberships'), bookkeeping, 'memberships') + ['plans.digest']
        ) }}
    from ({{ newest_version('memberships', keep_deleted=true) }}) as memberships
    left join plans on memberships.plan__id = plans.plan_id
    union all
    -- When a state was seen says what it is of.
    select id, {{ row_digest(columns_but(source('whop_raw', 'membership_states'), [], 'states')) }}
    from {{ source('whop_raw', 'membership_states') }} as states
)

select
    membership_key,
    cast(sum(digest) as decimal(38, 0)) as digest
from inputs
group by membership_key
