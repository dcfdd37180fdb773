with listed as (
    select *
    from {{ ref('base_whop__products') }}
    {%- if not var('include_deleted') %}
    where deleted_at is null
    {%- endif %}
)

select * from listed
