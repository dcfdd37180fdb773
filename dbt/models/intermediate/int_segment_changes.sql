{{ config(**by_change('members', 'member_id')) }}
{#- Each dimension, and what of a period says which of its values it is in. -#}
{%- set dimensions = {
    'plan': 'changes.plan_id',
    'product': 'changes.product_id',
    'billing_period': 'cast(changes.billing_period_days as ' ~ dbt.type_string() ~ ')',
    'currency': 'changes.currency',
    'country': 'changes.billing_country',
    'payment_method': 'changes.payment_method_type',
    'promo_code': 'changes.promo_code_id',
    'affiliate': 'memberships.affiliate_id',
    'checkout_link': 'changes.checkout_configuration_id',
    'acquisition_month': 'acquisitions.month'
} -%}

with acquisitions as (
    select
        company_id,
        member_id,
        left(cast(movement_date as {{ dbt.type_string() }}), 7) as month
    from {{ changed_rows(ref('mrr_movements'), 'members', 'member_id') }} as movements
    where movement_type = 'new'
),

memberships as (
    select membership_id, affiliate_id
    from {{ ref('base_whop__memberships') }}
    where affiliate_id is not null
),

-- The day of a member has one type, the movement's; where that is a change of who stays, or none, up is up.
changes as (
    select
        changes.company_id,
        changes.membership_id,
        changes.member_id,
        changes.change_date,
        changes.change_usd,
        {%- for dimension, value in dimensions.items() %}
        coalesce({{ value }}, 'none') as {{ dimension }},
        {%- endfor %}
        case
            when movements.movement_type in ('new', 'reactivation', 'churn') then movements.movement_type
        end as movement_type
    from {{ changed_rows(ref('int_mrr_changes'), 'members', 'member_id') }} as changes
    left join memberships on changes.membership_id = memberships.membership_id
    left join acquisitions
        on changes.company_id = acquisitions.company_id and changes.member_id = acquisitions.member_id
    left join {{ changed_rows(ref('mrr_movements'), 'members', 'member_id') }} as movements
        on changes.company_id = movements.company_id
        and changes.member_id = movements.member_id
        and changes.change_date = movements.movement_date
),

-- What a membership is by in each dimension: most are by the same from the first change to the last.
spans as (
    select
        company_id,
        membership_id,
        member_id,
        {%- for dimension in dimensions %}
        min({{ dimension }}) as {{ dimension }},
        min({{ dimension }}) = max({{ dimension }}) as {{ dimension }}_stays{{ ',' if not loop.last }}
        {%- endfor %}
    from changes
    group by company_id, membership_id, member_id
),

-- Where it stays, its changes are the same in every dimension: they are summed up once.
days as (
    select
        company_id,
        membership_id,
        member_id,
        change_date,
        movement_type,
        sum(change_usd) as change_usd
    from changes
    group by company_id, membership_id, member_id, change_date, movement_type
    having sum(change_usd) <> 0
),

running as (
    select
        days.change_date,
        days.movement_type,
        days.change_usd,
        sum(days.change_usd) over (
            partition by days.membership_id, days.member_id, days.company_id order by days.change_date
            rows between unbounded preceding and current row
        ) as mrr_after_usd,
        spans.*
    from days
    inner join spans
        on days.company_id = spans.company_id
        and days.membership_id = spans.membership_id
        and days.member_id = spans.member_id
),

moved as (
    {%- for dimension in dimensions %}
    select
        changes.company_id,
        '{{ dimension }}' as dimension,
        changes.{{ dimension }} as value,
        changes.membership_id,
        changes.member_id,
        changes.change_date,
        changes.movement_type,
        sum(changes.change_usd) as change_usd
    from changes
    inner join spans
        on changes.company_id = spans.company_id
        and changes.membership_id = spans.membership_id
        and changes.member_id = spans.member_id
    where not spans.{{ dimension }}_stays
    group by
        changes.company_id,
        changes.{{ dimension }},
        changes.membership_id,
        changes.member_id,
        changes.change_date,
        changes.movement_type
    having sum(changes.change_usd) <> 0
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

in_segments as (
    {%- for dimension in dimensions %}
    select
        company_id,
        '{{ dimension }}' as dimension,
        {{ dimension }} as value,
        membership_id,
        member_id,
        change_date,
        movement_type,
        change_usd,
        mrr_after_usd
    from running
    where {{ dimension }}_stays
    union all
    {%- endfor %}
    select
        company_id,
        dimension,
        value,
        membership_id,
        member_id,
        change_date,
        movement_type,
        change_usd,
        sum(change_usd) over (
            partition by membership_id, dimension, value, member_id, company_id order by change_date
            rows between unbounded preceding and current row
        ) as mrr_after_usd
    from moved
)

select
    company_id,
    dimension,
    value,
    membership_id,
    member_id,
    change_date,
    coalesce(movement_type, case when change_usd > 0 then 'expansion' else 'contraction' end) as movement_type,
    cast(change_usd as decimal(38, 6)) as change_usd,
    cast(mrr_after_usd as decimal(38, 6)) as mrr_after_usd
from in_segments
