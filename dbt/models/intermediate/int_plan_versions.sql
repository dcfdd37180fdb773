{%- set terms = [
    'plan_type', 'billing_period_days', 'initial_price', 'renewal_price', 'currency', 'trial_period_days',
    'split_pay_required_payments'
] -%}
{#- Stands for a beginning nobody has seen, where times are compared. -#}
{%- set ever = "cast('0001-01-01 00:00:00+00:00' as " ~ type_of('timestamptz') ~ ")" -%}

with logged as (
    select distinct plan_id
    from {{ ref('stg_whop__plan_states') }}
),

plans as (
    select plans.*
    from {{ ref('base_whop__plans') }} as plans
    left join logged on plans.plan_id = logged.plan_id
    where logged.plan_id is null
),

states as (
    select plan_id, company_id, {{ terms | join(', ') }}, updated_at, synced_at, state_id
    from {{ ref('stg_whop__plan_states') }}
    union all
    -- No log of it (yet): the present row is all that is known.
    select plan_id, company_id, {{ terms | join(', ') }}, updated_at, synced_at, plan_id
    from plans
),

seen as (
    select
        states.*,
        row_number() over read_order as place,
        lag(synced_at) over read_order as previous_synced_at
        {%- for term in terms %},
        lag({{ term }}) over read_order as previous_{{ term }}
        {%- endfor %}
    from states
    window read_order as (partition by plan_id order by synced_at, updated_at nulls first, {{ by_bytes('state_id') }})
),

-- A new title is no new version.
changed as (
    select *
    from seen
    where
        place = 1
        {%- for term in terms %}
        or {{ term }} is distinct from previous_{{ term }}
        {%- endfor %}
),

-- Whop's word for when a plan was changed is believed where it can be true: after the sync that still saw the
-- version before, and not after the one that saw this. The first version seen is valid from ever.
seen_versions as (
    select
        plan_id,
        company_id,
        {{ terms | join(',\n        ') }},
        place = 1 as is_first,
        case
            when place = 1 then {{ ever }}
            when updated_at > previous_synced_at and updated_at <= synced_at then updated_at
            else synced_at
        end as begins_at
    from changed
),

seen_spans as (
    select
        seen_versions.*,
        lead(begins_at) over (partition by plan_id order by begins_at) as ends_at
    from seen_versions
),

given as (
    select
        given_versions.*,
        coalesce(valid_from, {{ ever }}) as begins_at,
        lead(coalesce(valid_from, {{ ever }})) over (
            partition by plan_id order by valid_from nulls first
        ) as next_begins_at
    from {{ ref('stg_whop__given_plan_versions') }} as given_versions
),

-- A version given without an end holds until the next one given, else until the next edit that was seen.
given_spans as (
    select
        given.plan_id,
        coalesce(given.company_id, max(plans.company_id)) as company_id,
        {%- for term in terms %}
        given.{{ term }},
        {%- endfor %}
        given.begins_at,
        -- The next one given ends it in any case: a plan has one version at a time.
        coalesce(least(given.valid_to, given.next_begins_at), min(edits.begins_at)) as ends_at
    from given
    left join seen_versions as edits
        on given.plan_id = edits.plan_id and not edits.is_first and edits.begins_at > given.begins_at
    left join {{ ref('base_whop__plans') }} as plans on given.plan_id = plans.plan_id
    group by
        given.plan_id,
        given.company_id,
        {%- for term in terms %}
        given.{{ term }},
        {%- endfor %}
        given.begins_at,
        given.valid_to,
        given.next_begins_at
),

-- What was given wins over what was seen: a plan's time is cut wherever either begins or ends.
cuts as (
    select plan_id, begins_at from seen_spans
    union
    select plan_id, begins_at from given_spans
    union
    select plan_id, ends_at from given_spans
    where ends_at is not null
),

pieces as (
    select
        cuts.plan_id,
        cuts.begins_at,
        coalesce(given_spans.company_id, seen_spans.company_id) as company_id,
        {%- for term in terms %}
        case when given_spans.plan_id is null then seen_spans.{{ term }} else given_spans.{{ term }} end as {{ term }},
        {%- endfor %}
        case
            when given_spans.plan_id is not null then 'given'
            when seen_spans.plan_id is not null then 'seen'
        end as source,
        coalesce(given_spans.begins_at, seen_spans.begins_at) as version_begins_at
    from cuts
    left join given_spans
        on cuts.plan_id = given_spans.plan_id
        and cuts.begins_at >= given_spans.begins_at
        and (cuts.begins_at < given_spans.ends_at or given_spans.ends_at is null)
    left join seen_spans
        on cuts.plan_id = seen_spans.plan_id
        and cuts.begins_at >= seen_spans.begins_at
        and (cuts.begins_at < seen_spans.ends_at or seen_spans.ends_at is null)
),

followed as (
    select
        pieces.*,
        lag(source) over plan_time as previous_source,
        lag(version_begins_at) over plan_time as previous_version_begins_at
    from pieces
    window plan_time as (partition by plan_id order by begins_at)
),

-- A version that was cut by nothing is one piece again.
versions as (
    select
        followed.*,
        lead(begins_at) over (partition by plan_id order by begins_at) as ends_at
    from followed
    where
        source is distinct from previous_source
        or version_begins_at is distinct from previous_version_begins_at
)

select
    company_id,
    plan_id,
    cast(
        row_number() over (partition by plan_id order by begins_at) as bigint
    ) as version_number,
    nullif(begins_at, {{ ever }}) as valid_from,
    ends_at as valid_to,
    plan_type,
    billing_period_days,
    initial_price,
    renewal_price,
    currency,
    trial_period_days,
    split_pay_required_payments,
    source
from versions
where source is not null
