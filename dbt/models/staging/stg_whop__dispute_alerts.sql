with newest as (
    {{ newest_version('dispute_alerts') }}
),

renamed as (
    select
        id as dispute_alert_id,
        company_id,
        payment__id as payment_id,
        dispute__id as dispute_id,
        alert_type,
        lower(currency) as currency,
        amount,
        charge_for_alert as is_charged,
        transaction_date as transaction_at,
        created_at,
        product__id as product_id,
        card_brand,
        auto_refunded as is_auto_refunded,
        fee,
        lower(fee_currency) as fee_currency,
        reported_at,
        updated_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
