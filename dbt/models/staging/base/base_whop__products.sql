with newest as (
    {{ newest_version('products', keep_deleted=true) }}
),

renamed as (
    select
        id as product_id,
        company_id,
        title,
        route,
        headline,
        description,
        visibility,
        verified,
        external_identifier,
        global_affiliate_status,
        global_affiliate_percentage,
        member_affiliate_status,
        member_affiliate_percentage,
        member_count,
        published_reviews_count,
        product_tax_code__name as tax_code_name,
        created_at,
        updated_at,
        metadata,
        average_review_rating,
        marketplace_status,
        labels,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
