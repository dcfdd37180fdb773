with newest as (
    {{ newest_version('disputes') }}
),

renamed as (
    select
        id as dispute_id,
        company_id,
        payment__id as payment_id,
        plan__id as plan_id,
        product__id as product_id,
        status,
        reason,
        lower(currency) as currency,
        amount,
        editable as is_editable,
        visa_rdr as is_visa_rdr,
        needs_response_by,
        created_at,
        inquiry as is_inquiry,
        acceptable as is_acceptable,
        reason_code,
        fee,
        lower(fee_currency) as fee_currency,
        buyer__member_id as buyer_member_id,
        evidence_submitted_at,
        updated_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
