with newest as (
    {{ newest_version('authorized_users') }}
),

renamed as (
    select
        id as authorized_user_id,
        company_id,
        user__id as user_id,
        role,
        user__name as name,
        user__username as username,
        user__email as email,
        status,
        is_agent,
        authorized_role__name as custom_role,
        reports_to_id,
        created_at,
        updated_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
