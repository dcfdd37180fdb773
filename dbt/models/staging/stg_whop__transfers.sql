with newest as (
    {{ newest_version('transfers', {
        'id': 'text', 'company_id': 'text', 'status': 'text', 'currency': 'text', 'amount': 'decimal(38, 9)',
        'fee_amount': 'decimal(38, 9)', 'origin__id': 'text', 'destination__id': 'text', 'failure_code': 'text',
        'created_at': 'timestamptz', 'succeeded_at': 'timestamptz',
        '_whop_synced_at': 'timestamptz', '_whop_deleted_at': 'timestamptz', '_dlt_load_id': 'text', '_dlt_id': 'text'
    }) }}
),

renamed as (
    select
        id as transfer_id,
        company_id,
        status,
        lower(currency) as currency,
        amount,
        fee_amount,
        origin__id as sent_by,
        destination__id as sent_to,
        failure_code,
        created_at,
        succeeded_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
