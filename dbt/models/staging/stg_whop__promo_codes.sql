with listed as (
    select *
    from {{ ref('base_whop__promo_codes') }}
    {%- if not var('include_deleted') %}
    where deleted_at is null
    {%- endif %}
)

select * from listed
