with newest as (
    {{ newest_version('affiliates') }}
),

renamed as (
    select
        id as affiliate_id,
        company_id,
        user__id as user_id,
        user__username as username,
        user__name as name,
        status,
        active_members_count,
        total_referrals_count,
        total_overrides_count,
        monthly_recurring_revenue_usd as monthly_recurring_revenue_text,
        total_revenue_usd as total_revenue_text,
        total_referral_earnings_usd as total_referral_earnings_text,
        customer_retention_rate as customer_retention_text,
        customer_retention_rate_ninety_days as customer_retention_90_days_text,
        created_at,
        updated_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
