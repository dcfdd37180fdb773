with newest as (
    {{ newest_version('entries') }}
),

renamed as (
    select
        id as entry_id,
        company_id,
        plan__id as plan_id,
        product__id as product_id,
        product__title as product_title,
        user__id as user_id,
        user__username as username,
        user__name as name,
        user__email as email,
        status,
        custom_field_responses,
        created_at,
        membership_id,
        approval_failure_reason,
        updated_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
