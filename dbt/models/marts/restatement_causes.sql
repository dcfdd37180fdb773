{%- set sums = restated_sums() -%}

-- What a build said otherwise of a month that had been told of, and why.
with changes as (
    select
        kept.*,
        builds.reported_at as restated_at,
        causes.payment_id,
        causes.cause
    from {{ ref('int_closed_months') }} as kept
    inner join {{ ref('int_builds') }} as builds
        on kept.company_id = builds.company_id and kept.build_number = builds.build_number
    inner join {{ ref('int_closed_month_reports') }} as reports
        on kept.company_id = reports.company_id
        and kept.month = reports.month
        and kept.build_number > reports.build_number
    left join {{ ref('int_closed_month_causes') }} as causes
        on kept.company_id = causes.company_id
        and kept.build_number = causes.build_number
        and kept.month = causes.month
        and kept.kept_by = causes.kept_by
        and kept.membership_id is not distinct from causes.membership_id
        and kept.member_id is not distinct from causes.member_id
),

-- MRR and customers of a month are of all months until then: of each that had been told of when this changed.
told as (
    select
        reports.month as told_month,
        changes.*
    from changes
    inner join {{ ref('int_closed_month_reports') }} as reports
        on changes.company_id = reports.company_id
        and changes.month <= reports.month
        and changes.build_number > reports.build_number
    where
        changes.mrr_change_usd <> 0
        or changes.customers_new <> 0
        or changes.customers_reactivated <> 0
        or changes.customers_churned <> 0
),

long as (
    {%- for metric, (span, value) in sums.items() %}
    select
        company_id,
        {{ 'month' if span == 'during' else 'told_month' }} as month,
        '{{ metric }}' as metric,
        build_number,
        restated_at,
        membership_id,
        member_id,
        payment_id,
        cause,
        cast(sum({{ value }}) as decimal(38, 9)) as change
    {%- if span == 'during' %}
    from changes
    group by company_id, month, build_number, restated_at, membership_id, member_id, payment_id, cause
    {%- else %}
    from told
    where {{ months_of_sum(span, 'month', 'told_month') }}
    group by company_id, told_month, build_number, restated_at, membership_id, member_id, payment_id, cause
    {%- endif %}
    having sum({{ value }}) <> 0
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    company_id,
    month,
    metric,
    build_number,
    restated_at,
    membership_id,
    member_id,
    payment_id,
    cause,
    change
from long
