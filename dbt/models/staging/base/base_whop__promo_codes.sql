with newest as (
    {{ newest_version('promo_codes', keep_deleted=true) }}
),

renamed as (
    select
        id as promo_code_id,
        company_id,
        product__id as product_id,
        code,
        status,
        promo_type,
        lower(currency) as currency,
        amount_off,
        duration,
        promo_duration_months,
        uses,
        stock,
        unlimited_stock,
        new_users_only,
        existing_memberships_only,
        churned_users_only,
        one_per_customer,
        created_at,
        expires_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
