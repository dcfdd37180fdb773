{%- set tables = [
    'companies', 'products', 'plans', 'promo_codes', 'members', 'memberships', 'membership_states',
    'payments', 'payment_methods', 'authorized_users', 'apps', 'refunds', 'disputes'
] -%}

-- From the raw tables: a sync that found nothing but a deletion was a sync too.
with newest_per_table as (
    {%- for table in tables %}
    select company_id, max(_whop_synced_at) as last_synced_at
    from {{ source('whop_raw', table) }}
    group by company_id
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

companies as (
    select
        company_id,
        max(last_synced_at) as last_synced_at
    from newest_per_table
    where company_id is not null
    group by company_id
),

moments as (
    select
        company_id,
        last_synced_at,
        {% if var('as_of') %}{{ as_of_literal() }}{% else %}last_synced_at{% endif %} as as_of
    from companies
)

select
    company_id,
    last_synced_at,
    as_of,
    {{ local_date('as_of') }} as as_of_date
from moments
