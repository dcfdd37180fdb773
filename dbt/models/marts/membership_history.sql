{%- set compared = [
    'status', 'member_id', 'user_id', 'plan_id', 'product_id', 'promo_code_id', 'currency', 'cancel_option',
    'cancel_at_period_end', 'payment_collection_paused', 'canceled_at',
    'renewal_period_start', 'renewal_period_end', 'created_at', 'joined_at', 'updated_at', 'deleted_at'
] -%}

with seen as (
    select
        states.*,
        row_number() over read_order as place,
        lag(synced_at) over read_order as previous_synced_at
        {%- for column in compared %},
        lag({{ column }}) over read_order as previous_{{ column }}
        {%- endfor %}
    from {{ ref('stg_whop__membership_states') }} as states
    window read_order as (partition by membership_id order by synced_at, updated_at nulls first, {{ by_bytes('state_id') }})
),

-- A run that was killed and repeated writes the same state twice.
changed as (
    select *
    from seen
    where
        place = 1
        {%- for column in compared %}
        or {{ column }} is distinct from previous_{{ column }}
        {%- endfor %}
),

-- Whop says when a membership last changed; that can be believed as far as it is later than the moment
-- the state before was still seen, and no later than the moment this one was.
dated as (
    select
        changed.*,
        case
            when deleted_at is not null then deleted_at
            when place = 1 then least(coalesce(updated_at, created_at, synced_at), synced_at)
            when updated_at > previous_synced_at and updated_at <= synced_at then updated_at
            else synced_at
        end as valid_from
    from changed
),

followed as (
    select
        dated.*,
        lead(valid_from) over (
            partition by membership_id order by synced_at, updated_at nulls first, {{ by_bytes('state_id') }}
        ) as next_valid_from
    from dated
),

as_of as (
    select company_id, as_of
    from {{ ref('int_as_of') }}
),

deleted_memberships as (
    select membership_id, deleted_at as membership_deleted_at
    from {{ ref('base_whop__memberships') }}
    where deleted_at is not null
)

select
    followed.state_id,
    followed.membership_id,
    followed.company_id,
    followed.member_id,
    followed.user_id,
    followed.plan_id,
    followed.product_id,
    followed.promo_code_id,
    followed.status,
    followed.currency,
    followed.cancel_option,
    followed.cancel_at_period_end,
    followed.payment_collection_paused,
    followed.created_at,
    followed.joined_at,
    followed.canceled_at,
    followed.renewal_period_start,
    followed.renewal_period_end,
    followed.updated_at,
    followed.synced_at as first_seen_at,
    followed.valid_from,
    case
        when coalesce(followed.next_valid_from, deleted_memberships.membership_deleted_at) <= as_of.as_of
            then coalesce(followed.next_valid_from, deleted_memberships.membership_deleted_at)
    end as valid_to
from followed
inner join as_of on followed.company_id = as_of.company_id
left join deleted_memberships on followed.membership_id = deleted_memberships.membership_id
where
    followed.deleted_at is null
    and followed.valid_from <= as_of.as_of
