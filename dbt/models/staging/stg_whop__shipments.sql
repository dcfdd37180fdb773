with newest as (
    {{ newest_version('shipments') }}
),

renamed as (
    select
        id as shipment_id,
        company_id,
        payment__id as payment_id,
        status,
        substatus,
        carrier,
        service,
        tracking_code,
        delivery_estimate as delivery_estimated_at,
        created_at,
        updated_at,
        tracking_url,
        checkpoints,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
