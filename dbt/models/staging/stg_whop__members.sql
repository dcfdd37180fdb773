with newest as (
    {{ newest_version('members') }}
),

renamed as (
    select
        id as member_id,
        company_id,
        user__id as user_id,
        user__name as name,
        user__username as username,
        user__email as email,
        phone,
        status,
        access_level,
        most_recent_action,
        usd_total_spent as whop_usd_total_spent,
        company_token_balance,
        created_at,
        updated_at,
        joined_at,
        most_recent_action_at,
        last_accessed_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
