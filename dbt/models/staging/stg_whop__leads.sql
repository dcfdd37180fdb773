with newest as (
    {{ newest_version('leads') }}
),

renamed as (
    select
        id as lead_id,
        company_id,
        product__id as product_id,
        product__title as product_title,
        user__id as user_id,
        member__id as member_id,
        user__username as username,
        user__name as name,
        user__email as email,
        referrer,
        metadata,
        created_at,
        updated_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
