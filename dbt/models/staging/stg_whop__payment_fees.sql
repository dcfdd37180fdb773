with newest as (
    {{ newest_version('payment_fees') }}
),

renamed as (
    select
        id as payment_fee_id,
        company_id,
        payment__id as payment_id,
        type as fee_type,
        name as fee_name,
        lower(currency) as currency,
        amount,
        family as fee_family,
        settlement_amount,
        lower(settlement_currency) as settlement_currency,
        collected_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
    -- A payment without fees has a row that says so.
    where type is not null
)

select * from renamed
