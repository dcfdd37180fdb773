with newest as (
    {{ newest_version('checkout_configurations') }}
),

renamed as (
    select
        id as checkout_configuration_id,
        company_id,
        plan__id as plan_id,
        mode,
        affiliate_code,
        lower(coalesce(currency, plan__currency)) as currency,
        plan__plan_type as plan_type,
        plan__initial_price as initial_price,
        plan__renewal_price as renewal_price,
        plan__billing_period as billing_period_days,
        purchase_url,
        redirect_url,
        metadata,
        created_at,
        updated_at,
        allow_promo_codes,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
