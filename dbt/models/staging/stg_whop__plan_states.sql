-- A log, not a state: every row stays, also the one that says the plan was deleted.
with renamed as (
    select
        -- A state that comes back, or is seen to be gone, is as it was.
        _dlt_id || '/' || _dlt_load_id as state_id,
        id as plan_id,
        company_id,
        product__id as product_id,
        title,
        description,
        plan_type,
        visibility,
        release_method,
        lower(currency) as currency,
        initial_price,
        renewal_price,
        billing_period as billing_period_days,
        trial_period_days,
        expiration_days,
        split_pay_required_payments,
        tax_type,
        collect_tax,
        adaptive_pricing_enabled,
        stock,
        unlimited_stock,
        member_count,
        internal_notes,
        purchase_url,
        created_at,
        updated_at,
        metadata,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from {{ source('whop_raw', 'plan_states') }}
)

select * from renamed
