-- A log, not a state: every row stays, also the one that says the membership was deleted.
with renamed as (
    select
        -- A state that comes back, or is seen to be gone, is as it was.
        _dlt_id || '/' || _dlt_load_id as state_id,
        id as membership_id,
        company_id,
        user__id as user_id,
        member__id as member_id,
        plan__id as plan_id,
        product__id as product_id,
        promo_code__id as promo_code_id,
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
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from {{ source('whop_raw', 'membership_states') }}
)

select * from renamed
