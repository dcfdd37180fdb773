with newest as (
    {{ newest_version('company_token_transactions') }}
),

renamed as (
    select
        id as company_token_transaction_id,
        company_id,
        member__id as member_id,
        user__id as user_id,
        transaction_type,
        amount,
        description,
        linked_transaction_id,
        idempotency_key,
        created_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
