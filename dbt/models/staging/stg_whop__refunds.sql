with newest as (
    {{ newest_version('refunds') }}
),

renamed as (
    select
        id as refund_id,
        company_id,
        payment__id as payment_id,
        status,
        lower(currency) as currency,
        amount,
        provider,
        reference_status,
        reference_type,
        reference_value,
        created_at,
        provider_created_at,
        lower(original_currency) as original_currency,
        original_amount,
        reason,
        failure_reason,
        visa_rdr as is_visa_rdr,
        updated_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
