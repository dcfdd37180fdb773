with newest as (
    {{ newest_version('apps') }}
),

renamed as (
    select
        id as app_id,
        company_id,
        creator__id as creator_user_id,
        name,
        description,
        app_type,
        status,
        route,
        domain_id,
        base_url,
        verified,
        stats__dau as daily_active_users,
        stats__wau as weekly_active_users,
        stats__mau as monthly_active_users,
        stats__time_spent_last24_hours as time_spent_last_24_hours,
        requested_permissions,
        redirect_uris,
        marketplace_status,
        businesses_created_count,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
