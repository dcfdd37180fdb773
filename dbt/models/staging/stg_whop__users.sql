with newest as (
    {{ newest_version('users') }}
),

renamed as (
    select
        id as user_id,
        company_id,
        username,
        name,
        bio,
        profile_picture__url as profile_picture_url,
        verification,
        whop_partner_enabled_at,
        created_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
