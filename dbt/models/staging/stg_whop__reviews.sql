with newest as (
    {{ newest_version('reviews') }}
),

renamed as (
    select
        id as review_id,
        company_id,
        product__id as product_id,
        user__id as user_id,
        user__username as username,
        user__name as name,
        stars,
        status,
        title,
        description,
        paid_for_product as is_paid,
        attachments,
        joined_at,
        published_at,
        created_at,
        updated_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
