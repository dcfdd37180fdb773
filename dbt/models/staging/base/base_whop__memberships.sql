with newest as (
    {{ newest_version('memberships', keep_deleted=true) }}
),

renamed as (
    select
        id as membership_id,
        company_id,
        user__id as user_id,
        member__id as member_id,
        plan__id as plan_id,
        product__id as product_id,
        promo_code__id as promo_code_id,
        affiliate__id as affiliate_id,
        checkout_configuration_id,
        status,
        lower(currency) as currency,
        cancel_option,
        cancellation_reason,
        cancel_at_period_end,
        payment_collection_paused,
        created_at,
        updated_at,
        joined_at,
        canceled_at,
        renewal_period_start,
        renewal_period_end,
        license_key,
        manage_url,
        metadata,
        custom_field_responses,
        collection_method,
        billing_period_days,
        initial_price,
        renewal_price,
        expires_at,
        most_recent_action,
        most_recent_action_at,
        split_pay_current_payments,
        split_pay_required_payments,
        feedback_option__label as feedback_option,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
