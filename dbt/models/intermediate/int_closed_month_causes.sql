{#- Why a build said otherwise of a month that had been told of. Never made anew, as what was said. -#}
{{ config(materialized='incremental', full_refresh=false, on_schema_change='append_new_columns') }}

with restated as (
    select restated.*
    from {{ ref('int_restated') }} as restated
    {%- if is_incremental() %}
    -- A build that failed has found some already.
    left join {{ this }} as found
        on restated.company_id = found.company_id
        and restated.build_number = found.build_number
        and restated.month = found.month
        and restated.kept_by = found.kept_by
        and restated.membership_id is not distinct from found.membership_id
        and restated.member_id is not distinct from found.member_id
    where restated.is_moved and found.cause is null
    {%- else %}
    where restated.is_moved
    {%- endif %}
),

ranked as (
    select
        evidence.*,
        case kind
            when 'row_deleted' then 1
            when 'chargeback' then 2
            when 'refund' then 3
            when 'late_payment' then 4
            when 'canceled' then 5
            when 'row_arrived_late' then 6
            when 'plan_edited' then 7
        end as rank
    from {{ ref('int_restatement_evidence') }} as evidence
),

first_of_memberships as (
    select
        ranked.*,
        row_number() over (
            partition by membership_id, told_number, company_id order by rank, payment_id nulls last
        ) as place
    from ranked
),

first_of_members as (
    select
        ranked.*,
        row_number() over (
            partition by member_id, told_number, company_id
            order by rank, payment_id nulls last, membership_id
        ) as place
    from ranked
)

select
    restated.company_id,
    restated.build_number,
    restated.month,
    restated.kept_by,
    restated.membership_id,
    restated.member_id,
    coalesce(of_memberships.payment_id, of_members.payment_id) as payment_id,
    case
        when of_memberships.kind is not null then of_memberships.kind
        when of_members.kind is not null then of_members.kind
        when told.rules <> now.rules then 'rules_changed'
        when told.settings <> now.settings then 'settings_changed'
        -- A row it shares with others, such as a rate.
        else 'row_arrived_late'
    end as cause
from restated
inner join {{ ref('int_builds') }} as told
    on restated.company_id = told.company_id and restated.told_number = told.build_number
inner join {{ ref('int_builds') }} as now
    on restated.company_id = now.company_id and restated.build_number = now.build_number
left join first_of_memberships as of_memberships
    on restated.company_id = of_memberships.company_id
    and restated.told_number = of_memberships.told_number
    and restated.membership_id = of_memberships.membership_id
    and of_memberships.place = 1
left join first_of_members as of_members
    on restated.company_id = of_members.company_id
    and restated.told_number = of_members.told_number
    and restated.member_id = of_members.member_id
    and restated.membership_id is null
    and of_members.place = 1
