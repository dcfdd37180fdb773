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
    from {{ ref('mrr_movements') }}
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
        changes.*,
        case
            when movements.movement_type in ('new', 'reactivation', 'churn') then movements.movement_type
        end as movement_type
    from {{ ref('int_mrr_changes') }} as changes
    left join {{ ref('mrr_movements') }} as movements
        on changes.company_id = movements.company_id
        and changes.member_id = movements.member_id
        and changes.change_date = movements.movement_date
),

in_segments as (
    {%- for dimension, value in dimensions.items() %}
    select
        changes.company_id,
        '{{ dimension }}' as dimension,
        coalesce({{ value }}, 'none') as value,
        changes.membership_id,
        changes.member_id,
        changes.change_date,
        changes.movement_type,
        sum(changes.change_usd) as change_usd
    from changes
    {%- if 'memberships.' in value %}
    left join memberships on changes.membership_id = memberships.membership_id
    {%- elif 'acquisitions.' in value %}
    left join acquisitions
        on changes.company_id = acquisitions.company_id and changes.member_id = acquisitions.member_id
    {%- endif %}
    group by
        changes.company_id,
        coalesce({{ value }}, 'none'),
        changes.membership_id,
        changes.member_id,
        changes.change_date,
        changes.movement_type
    having sum(changes.change_usd) <> 0
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
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
    cast(
        sum(change_usd) over (
            partition by membership_id, dimension, value, member_id, company_id order by change_date
            rows between unbounded preceding and current row
        ) as decimal(38, 6)
    ) as mrr_after_usd
from in_segments
