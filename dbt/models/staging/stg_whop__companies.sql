with newest as (
    {{ newest_version('companies') }}
),

renamed as (
    select
        id as company_id,
        title,
        route,
        description,
        target_audience,
        verified,
        member_count,
        published_reviews_count,
        owner_user__id as owner_user_id,
        created_at,
        updated_at,
        metadata,
        social_links,
        status,
        country,
        industry_type,
        total_usd as whop_balance_usd,
        total_earned_usd as whop_total_earned_usd,
        balances,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
