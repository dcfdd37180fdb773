{%- set plan_fact = fact_of([
    'plan_type', 'billing_period_days', 'initial_price', 'renewal_price', 'currency', 'trial_period_days',
    'split_pay_required_payments'
]) -%}

-- What of a membership, or of what it hangs on, is not as the last build knew it, and bears on months told then. One
-- row per membership, build that told last, and kind of evidence; of payments, the one read last.
with priors as (
    select distinct restated.company_id, restated.told_number, told.reported_at, told.last_synced_at,
        told.closed_through, told.given_plans
    from {{ ref('int_restated') }} as restated
    inner join {{ ref('int_builds') }} as told
        on restated.company_id = told.company_id and restated.told_number = told.build_number
),

-- Only of what is restated, and of the members of it: of them every membership.
members as (
    select distinct company_id, told_number, member_id
    from {{ ref('int_restated') }}
    where is_moved
),

of_members as (
    select distinct members.company_id, members.told_number, members.member_id, kept.membership_id
    from members
    inner join {{ ref('int_closed_months') }} as kept
        on members.company_id = kept.company_id and members.member_id = kept.member_id
    where kept.membership_id is not null
    union
    select members.company_id, members.told_number, members.member_id, memberships.membership_id
    from members
    inner join {{ ref('base_whop__memberships') }} as memberships
        on members.company_id = memberships.company_id and members.member_id = memberships.member_id
),

concerned as (
    select distinct
        of_members.company_id,
        of_members.told_number,
        of_members.membership_id,
        priors.reported_at,
        priors.last_synced_at,
        priors.closed_through,
        priors.given_plans
    from of_members
    inner join priors
        on of_members.company_id = priors.company_id and of_members.told_number = priors.told_number
),

-- Rows of a membership that were read since: whose word for it can have changed.
payments_since as (
    select
        concerned.*,
        payments.id as payment_id,
        payments.paid_at,
        payments._whop_synced_at as synced_at,
        payments._whop_deleted_at > concerned.last_synced_at as is_deleted
    from concerned
    inner join {{ source('whop_raw', 'payments') }} as payments
        on concerned.company_id = payments.company_id and concerned.membership_id = payments.membership__id
    where
        payments._whop_synced_at > concerned.last_synced_at
        or payments._whop_deleted_at > concerned.last_synced_at
),

money_back_since as (
    {%- for table, kind in {'refunds': 'refund', 'disputes': 'chargeback'}.items() %}
    select
        concerned.company_id,
        concerned.told_number,
        concerned.membership_id,
        payments.id as payment_id,
        '{{ kind }}' as kind,
        rows_back._whop_synced_at as synced_at,
        rows_back._whop_deleted_at > concerned.last_synced_at as is_deleted
    from concerned
    inner join {{ source('whop_raw', 'payments') }} as payments
        on concerned.company_id = payments.company_id and concerned.membership_id = payments.membership__id
    inner join {{ source('whop_raw', table) }} as rows_back
        on payments.id = rows_back.payment__id
    where
        rows_back._whop_synced_at > concerned.last_synced_at
        or rows_back._whop_deleted_at > concerned.last_synced_at
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- What Whop says of payments, refunds and disputes in those months, less what it said: nothing where it is the same.
facts as (
    select
        company_id,
        told_number,
        membership_id
        {%- for fact in kept_facts() %},
        sum({{ fact }}) as {{ fact }}
        {%- endfor %}
    from {{ ref('int_restated') }}
    where membership_id is not null
    group by company_id, told_number, membership_id
),

of_facts as (
    {%- for fact, kind in {
        'payment_facts': 'row_arrived_late', 'refund_facts': 'refund', 'dispute_facts': 'chargeback'
    }.items() %}
    select company_id, told_number, membership_id, '{{ kind }}' as kind
    from facts
    where {{ fact }} <> 0
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- The payment of a fact: one whose row, or whose refund or dispute, was read since.
payments_of_facts as (
    select company_id, told_number, membership_id, payment_id, 'row_arrived_late' as kind, synced_at
    from payments_since
    where {{ fact_month('paid_at') }} <= closed_through
    union all
    select company_id, told_number, membership_id, payment_id, kind, synced_at
    from money_back_since
    union all
    select payments_since.company_id, payments_since.told_number, payments_since.membership_id, payments.payment_id,
        case when payments.charged_back_at is not null then 'chargeback' else 'refund' end, payments_since.synced_at
    from payments_since
    inner join {{ ref('int_payments') }} as payments on payments_since.payment_id = payments.payment_id
    where payments.charged_back_at is not null or payments.is_refunded
),

-- Periods that a payment made since begins or goes on with, in months that had ended.
periods as (
    select
        periods.payment_id,
        periods.company_id,
        periods.membership_id,
        periods.place,
        periods.period_start,
        periods.natural_end,
        lag(periods.natural_end) over (partition by periods.membership_id order by periods.place) as previous_end,
        lead(periods.payment_id) over (partition by periods.membership_id order by periods.place) is null as is_last
    from {{ ref('int_subscription_periods') }} as periods
    inner join (select distinct membership_id from concerned) as wanted
        on periods.membership_id = wanted.membership_id
),

late_payments as (
    select concerned.company_id, concerned.told_number, concerned.membership_id, periods.payment_id
    from concerned
    inner join periods on concerned.membership_id = periods.membership_id
    where
        periods.period_start > concerned.reported_at
        and {{ month_of(local_date('periods.previous_end')) }} <= concerned.closed_through
),

-- What became of a membership bears on its last period, when that had run out in those months.
ran_out as (
    select concerned.*
    from concerned
    inner join periods on concerned.membership_id = periods.membership_id
    where periods.is_last and {{ month_of(local_date('periods.natural_end')) }} <= concerned.closed_through
),

states as (
    select
        ran_out.*,
        memberships.canceled_at,
        memberships.cancel_at_period_end,
        memberships.payment_collection_paused,
        memberships.status,
        memberships.renewal_period_end,
        logged.state_id,
        logged.canceled_at as was_canceled_at,
        logged.cancel_at_period_end as was_cancel_at_period_end,
        logged.payment_collection_paused as was_paused,
        logged.status as was_status,
        logged.renewal_period_end as had_renewal_period_end,
        row_number() over (
            partition by ran_out.told_number, ran_out.membership_id, ran_out.company_id
            order by logged.synced_at desc nulls last, logged.state_id desc
        ) as place
    from ran_out
    inner join {{ ref('base_whop__memberships') }} as memberships
        on ran_out.membership_id = memberships.membership_id
    left join {{ ref('stg_whop__membership_states') }} as logged
        on ran_out.membership_id = logged.membership_id and logged.synced_at <= ran_out.last_synced_at
    where memberships.synced_at > ran_out.last_synced_at
),

of_states as (
    select
        company_id,
        told_number,
        membership_id,
        case
            when state_id is null then 'row_arrived_late'
            when (canceled_at is distinct from was_canceled_at and canceled_at is not null)
                or (coalesce(cancel_at_period_end, false) and not coalesce(was_cancel_at_period_end, false))
                or (
                    status is distinct from was_status
                    and (status = 'canceled' or status in {{ ending_statuses() }})
                )
                then 'canceled'
            else 'row_arrived_late'
        end as kind
    from states
    where
        place = 1
        and (
            state_id is null
            or canceled_at is distinct from was_canceled_at
            or cancel_at_period_end is distinct from was_cancel_at_period_end
            or payment_collection_paused is distinct from was_paused
            or status is distinct from was_status
            or renewal_period_end is distinct from had_renewal_period_end
        )
),

deleted as (
    select company_id, told_number, membership_id, payment_id
    from payments_since
    where is_deleted and {{ month_of(local_date('paid_at')) }} <= closed_through
    union all
    select company_id, told_number, membership_id, payment_id
    from money_back_since
    where is_deleted
    union all
    select concerned.company_id, concerned.told_number, concerned.membership_id, cast(null as {{ type_of('text') }})
    from concerned
    inner join {{ ref('base_whop__memberships') }} as memberships
        on concerned.membership_id = memberships.membership_id
    where memberships.deleted_at > concerned.last_synced_at
),

-- A plan whose version is another: a state that was read since, or one that was given. A new title is none.
plan_states as (
    select
        company_id,
        plan_id,
        synced_at,
        {{ plan_fact }} as fact,
        lag({{ plan_fact }}) over (partition by plan_id order by synced_at, updated_at nulls first, state_id) as was
    from {{ ref('stg_whop__plan_states') }}
),

edited_plans as (
    select distinct priors.company_id, priors.told_number, plan_states.plan_id
    from priors
    inner join plan_states
        on priors.company_id = plan_states.company_id and plan_states.synced_at > priors.last_synced_at
    where plan_states.fact is distinct from plan_states.was
),

given_plans as (
    select
        company_id,
        plan_id,
        plan_id || ' ' || cast(sum({{ given_plan_fact() }}) as {{ type_of('text') }}) as given
    from {{ ref('stg_whop__given_plan_versions') }}
    group by company_id, plan_id
),

plans as (
    select distinct concerned.*, payments.plan_id
    from concerned
    inner join {{ ref('int_payments') }} as payments on concerned.membership_id = payments.membership_id
),

of_plans as (
    select plans.company_id, plans.told_number, plans.membership_id
    from plans
    inner join edited_plans
        on plans.company_id = edited_plans.company_id
        and plans.told_number = edited_plans.told_number
        and plans.plan_id = edited_plans.plan_id
    union
    select plans.company_id, plans.told_number, plans.membership_id
    from plans
    left join given_plans on plans.company_id = given_plans.company_id and plans.plan_id = given_plans.plan_id
    where
        -- What was given of it then is in the list of then, between commas.
        case
            when given_plans.given is null
                then ',' || coalesce(plans.given_plans, '') like '%,' || plans.plan_id || ' %'
            else not ',' || coalesce(plans.given_plans, '') || ',' like '%,' || given_plans.given || ',%'
        end
),

evidence as (
    {%- if not var('include_deleted') %}
    select company_id, told_number, membership_id, payment_id, 'row_deleted' as kind, cast(null as {{ type_of('timestamptz') }}) as read_at
    from deleted
    union all
    {%- endif %}
    select
        of_facts.company_id, of_facts.told_number, of_facts.membership_id, payments_of_facts.payment_id, of_facts.kind,
        payments_of_facts.synced_at as read_at
    from of_facts
    left join payments_of_facts
        on of_facts.company_id = payments_of_facts.company_id
        and of_facts.told_number = payments_of_facts.told_number
        and of_facts.membership_id = payments_of_facts.membership_id
        and of_facts.kind = payments_of_facts.kind
    union all
    select company_id, told_number, membership_id, payment_id, 'late_payment', null
    from late_payments
    union all
    select company_id, told_number, membership_id, null, kind, null
    from of_states
    union all
    select company_id, told_number, membership_id, null, 'plan_edited', null
    from of_plans
),

placed as (
    select
        evidence.*,
        row_number() over (
            partition by membership_id, told_number, kind, company_id
            order by payment_id is null, read_at desc nulls last, payment_id
        ) as place
    from evidence
)

select
    placed.company_id,
    placed.told_number,
    of_members.member_id,
    placed.membership_id,
    placed.kind,
    placed.payment_id
from placed
inner join of_members
    on placed.company_id = of_members.company_id
    and placed.told_number = of_members.told_number
    and placed.membership_id = of_members.membership_id
where placed.place = 1
