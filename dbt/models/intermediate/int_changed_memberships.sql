{{ config(enabled=target.type != 'spark', post_hook="{{ forget_what_was_built() }}") }}
-- depends_on: {{ ref('int_build_scope') }}
-- depends_on: {{ ref('base_whop__memberships') }}
{%- set built = built_relation('int_built_memberships') if build_is_by_change() -%}

{%- if built %}
-- Memberships of which anything is another than it was when the last build came to its end.
with inputs as (
    select coalesce(now.membership_key, before.membership_key) as membership_key
    from {{ ref('int_membership_inputs') }} as now
    full join {{ built }} as before on now.membership_key = before.membership_key
    where now.digest is distinct from before.digest
),

-- What was still to come then, and is past now: of the end of a period to the time of a refund. Every moment that a table
-- of memberships holds may have come; what else has changed is in the digests.
moments as (
    {%- for node in models_by_change() if made_by_change_of(node.config) == 'memberships' %}
    {%- set relation = built_relation(node.name) %}
    {%- set moments = has_come(relation, 'happened', 'scope') %}
    {%- if moments %}
    select {{ node.config.unique_key }} as membership_key
    from (
        select happened.*
        from {{ relation }} as happened
        inner join {{ ref('int_build_scope') }} as scope on happened.company_id = scope.company_id
        where {{ moments }}
    ) as come
    union all
    {%- endif %}
    {%- endfor %}
    select happened.membership_id
    from {{ ref('base_whop__memberships') }} as happened
    inner join {{ ref('int_build_scope') }} as scope on happened.company_id = scope.company_id
    where {{ has_come(ref('base_whop__memberships'), 'happened', 'scope') }}
),

-- A payment without a rate has the last one known of the company: any other payment may have changed that.
without_rate as (
    select membership_id as membership_key
    from {{ built_relation('int_paid_periods') }}
    where fx is null and recurring_price > 0
)

select membership_key from inputs
union
select membership_key from moments
union
select membership_key from without_rate
{%- else %}
select membership_key
from {{ ref('int_membership_inputs') }}
where false
{%- endif %}
