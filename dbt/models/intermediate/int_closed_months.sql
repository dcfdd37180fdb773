{#-
    The memory of what was said. Every build adds what its closed months say otherwise than all builds before it: the
    rows of a month added up are the month as it is now, those up to the build that first told of it as it was then.
    Never made anew: what was said is nowhere else.
-#}
{{ config(materialized='incremental', full_refresh=false, on_schema_change='append_new_columns') }}
{%- set measures = kept_measures() -%}
{%- set keys = ['company_id', 'month', 'kept_by', 'membership_id', 'member_id'] -%}

with builds as (
    select
        company_id,
        as_of,
        last_synced_at,
        cast({{ dbt.dateadd('month', -1, month_of('as_of_date')) }} as date) as closed_through
    from {{ ref('int_as_of') }}
),

given_plans as (
    select
        company_id,
        cast(count(*) as text) || ' ' || cast(coalesce(sum(renewal_price), 0) as text)
        || ' ' || cast(coalesce(sum(initial_price), 0) as text)
        || ' ' || cast(coalesce(sum(billing_period_days), 0) as text) as fingerprint
    from {{ ref('stg_whop__given_plan_versions') }}
    group by company_id
),

{% if is_incremental() -%}
earlier as (
    select
        company_id,
        build_number,
        reported_at,
        last_synced_at,
        closed_through,
        rules,
        settings,
        given_plans,
        row_number() over (partition by company_id order by build_number desc) as place
    from {{ this }}
    where month is null
),

last_builds as (
    select * from earlier where place = 1
),
{%- else -%}
last_builds as (
    select
        cast(null as text) as company_id,
        cast(null as bigint) as build_number,
        cast(null as timestamptz) as reported_at,
        cast(null as timestamptz) as last_synced_at,
        cast(null as date) as closed_through,
        cast(null as text) as rules,
        cast(null as text) as settings,
        cast(null as text) as given_plans
    where false
),
{%- endif %}

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
        0 as fees_usd
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
        fees_usd
    from {{ ref('int_money_events') }}
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

{%- set of_memberships = ['mrr_change_usd', 'gross_usd', 'refunded_usd', 'charged_back_usd', 'fees_usd'] %}

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
    where month is not null
    {%- endif %}
),

differences as (
    select
        said.company_id,
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
    group by said.company_id, said.month, said.kept_by, said.membership_id, said.member_id
    having
        {%- for measure in measures %}
        sum(said.{{ measure }}) <> 0{{ ' or' if not loop.last }}
        {%- endfor %}
),

-- Of months that were told of before, each has a cause: what has changed of it since.
restated as (
    select
        differences.company_id,
        differences.membership_id,
        differences.member_id,
        max(case when differences.refunded_usd <> 0 then 1 else 0 end) as is_refunded,
        max(case when differences.charged_back_usd <> 0 then 1 else 0 end) as is_charged_back
    from differences
    inner join last_builds on differences.company_id = last_builds.company_id
    where differences.month <= last_builds.closed_through
    group by differences.company_id, differences.membership_id, differences.member_id
),

payments_since as (
    select
        payments.company_id,
        payments.id as payment_id,
        payments.membership__id as membership_id,
        case
            when payments._whop_deleted_at > last_builds.last_synced_at then 1
            when payments.status = 'paid' and payments.paid_at > last_builds.reported_at then 4
            else 6
        end as rank
    from {{ source('whop_raw', 'payments') }} as payments
    inner join last_builds on payments.company_id = last_builds.company_id
    where
        payments._whop_synced_at > last_builds.last_synced_at
        or payments._whop_deleted_at > last_builds.last_synced_at
),

money_back_since as (
    select refunds.company_id, refunds.payment__id as payment_id, 3 as rank
    from {{ source('whop_raw', 'refunds') }} as refunds
    inner join last_builds on refunds.company_id = last_builds.company_id
    where refunds._whop_synced_at > last_builds.last_synced_at
    union all
    select disputes.company_id, disputes.payment__id, 2
    from {{ source('whop_raw', 'disputes') }} as disputes
    inner join last_builds on disputes.company_id = last_builds.company_id
    where disputes._whop_synced_at > last_builds.last_synced_at and disputes.status = 'lost'
    union all
    select payments.company_id, payments.id, 3
    from {{ source('whop_raw', 'payments') }} as payments
    inner join last_builds on payments.company_id = last_builds.company_id
    where
        payments.refunded_at > last_builds.reported_at
        and payments._whop_synced_at > last_builds.last_synced_at
),

memberships_since as (
    select
        memberships.company_id,
        memberships.id as membership_id,
        case
            when memberships._whop_deleted_at > last_builds.last_synced_at then 1
            when memberships.canceled_at is not null
                or memberships.cancel_at_period_end
                or memberships.status in ('canceled', 'canceling', 'completed', 'expired') then 5
            else 6
        end as rank
    from {{ source('whop_raw', 'memberships') }} as memberships
    inner join last_builds on memberships.company_id = last_builds.company_id
    where
        memberships._whop_synced_at > last_builds.last_synced_at
        or memberships._whop_deleted_at > last_builds.last_synced_at
),

plans_since as (
    select distinct states.company_id, states.plan_id
    from {{ ref('stg_whop__plan_states') }} as states
    inner join last_builds on states.company_id = last_builds.company_id
    where states.synced_at > last_builds.last_synced_at
    union
    select distinct given.company_id, given.plan_id
    from {{ ref('stg_whop__given_plan_versions') }} as given
    inner join last_builds on given.company_id = last_builds.company_id
    left join given_plans on given.company_id = given_plans.company_id
    where last_builds.given_plans is distinct from given_plans.fingerprint
),

evidence as (
    select company_id, membership_id, payment_id, rank
    from payments_since
    union all
    select money_back_since.company_id, payments.membership__id, money_back_since.payment_id, money_back_since.rank
    from money_back_since
    inner join {{ source('whop_raw', 'payments') }} as payments on money_back_since.payment_id = payments.id
    union all
    select company_id, membership_id, cast(null as text), rank
    from memberships_since
    union all
    select plans_since.company_id, memberships.id, cast(null as text), 7
    from plans_since
    inner join {{ source('whop_raw', 'memberships') }} as memberships on plans_since.plan_id = memberships.plan__id
    union all
    select
        restated.company_id,
        restated.membership_id,
        payments_since.payment_id,
        case when restated.is_charged_back = 1 then 2 else 3 end
    from restated
    left join payments_since
        on restated.company_id = payments_since.company_id and restated.membership_id = payments_since.membership_id
    where restated.membership_id is not null and (restated.is_charged_back = 1 or restated.is_refunded = 1)
),

-- Only of what is restated: after a full pass everything has just been read.
members_of as (
    select distinct company_id, membership_id, member_id
    from restated
    where membership_id is not null
    union
    select memberships.company_id, memberships.id, memberships.member__id
    from {{ source('whop_raw', 'memberships') }} as memberships
    inner join restated
        on memberships.company_id = restated.company_id and memberships.member__id = restated.member_id
),

found as (
    select
        evidence.company_id,
        members_of.member_id,
        evidence.membership_id,
        evidence.rank,
        max(evidence.payment_id) as payment_id
    from evidence
    inner join members_of
        on evidence.company_id = members_of.company_id and evidence.membership_id = members_of.membership_id
    group by evidence.company_id, members_of.member_id, evidence.membership_id, evidence.rank
),

first_of_memberships as (
    select
        company_id,
        membership_id,
        rank,
        payment_id,
        row_number() over (partition by company_id, membership_id order by rank, payment_id desc nulls last) as place
    from found
),

first_of_members as (
    select
        company_id,
        member_id,
        rank,
        payment_id,
        row_number() over (partition by company_id, member_id order by rank, payment_id desc nulls last) as place
    from found
),

with_causes as (
    select
        differences.*,
        last_builds.closed_through is not null
        and differences.month <= last_builds.closed_through as is_restated,
        coalesce(of_memberships.rank, of_members.rank) as rank,
        coalesce(of_memberships.payment_id, of_members.payment_id) as evident_payment_id,
        last_builds.rules,
        last_builds.settings
    from differences
    left join last_builds on differences.company_id = last_builds.company_id
    left join first_of_memberships as of_memberships
        on differences.company_id = of_memberships.company_id
        and differences.membership_id = of_memberships.membership_id
        and of_memberships.place = 1
    left join first_of_members as of_members
        on differences.company_id = of_members.company_id
        and differences.member_id = of_members.member_id
        and differences.membership_id is null
        and of_members.place = 1
),

numbers as (
    select
        builds.company_id,
        coalesce(last_builds.build_number, 0) + 1 as build_number
    from builds
    left join last_builds on builds.company_id = last_builds.company_id
)

-- The build itself, a row of its own, and what it says otherwise.
select
    builds.company_id,
    cast(numbers.build_number as bigint) as build_number,
    builds.as_of as reported_at,
    builds.last_synced_at,
    builds.closed_through,
    '{{ rules_fingerprint() }}' as rules,
    '{{ settings_fingerprint() }}' as settings,
    given_plans.fingerprint as given_plans,
    cast(null as date) as month,
    cast(null as text) as kept_by,
    cast(null as text) as membership_id,
    cast(null as text) as member_id,
    cast(null as text) as payment_id,
    cast(null as text) as cause
    {%- for measure, type in measures.items() %},
    cast(0 as {{ type }}) as {{ measure }}
    {%- endfor %}
from builds
inner join numbers on builds.company_id = numbers.company_id
left join given_plans on builds.company_id = given_plans.company_id
union all
select
    with_causes.company_id,
    cast(numbers.build_number as bigint),
    cast(null as timestamptz),
    cast(null as timestamptz),
    cast(null as date),
    null,
    null,
    null,
    with_causes.month,
    with_causes.kept_by,
    with_causes.membership_id,
    with_causes.member_id,
    case when is_restated then evident_payment_id end,
    case
        when not is_restated then null
        when rank = 1 then 'row_deleted'
        when rank = 2 then 'chargeback'
        when rank = 3 then 'refund'
        when rank = 4 then 'late_payment'
        when rank = 5 then 'canceled'
        when rank = 6 then 'row_arrived_late'
        when rank = 7 then 'plan_edited'
        when rules <> '{{ rules_fingerprint() }}' then 'rules_changed'
        when settings <> '{{ settings_fingerprint() }}' then 'settings_changed'
        -- A row it shares with others, such as a rate.
        else 'row_arrived_late'
    end
    {%- for measure in measures %},
    with_causes.{{ measure }}
    {%- endfor %}
from with_causes
inner join numbers on with_causes.company_id = numbers.company_id
