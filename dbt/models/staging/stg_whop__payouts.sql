with newest as (
    {{ newest_version('payouts', {
        'id': 'text', 'company_id': 'text', 'status': 'text', 'source': 'text', 'speed': 'text', 'currency': 'text',
        'amount': 'decimal(38, 9)', 'fee_amount': 'decimal(38, 9)', 'markup_fee': 'decimal(38, 9)',
        'net_amount': 'decimal(38, 9)', 'destination_currency': 'text', 'destination_amount': 'decimal(38, 9)',
        'exchange_rate': 'decimal(38, 9)', 'trace_code': 'text', 'failure__code': 'text',
        'failure__funds_returned_at': 'timestamptz', 'created_at': 'timestamptz', 'estimated_arrival': 'timestamptz',
        '_whop_synced_at': 'timestamptz', '_whop_deleted_at': 'timestamptz', '_dlt_load_id': 'text', '_dlt_id': 'text'
    }) }}
),

renamed as (
    select
        id as payout_id,
        company_id,
        status,
        source as requested_by,
        speed,
        lower(currency) as currency,
        amount,
        fee_amount,
        markup_fee,
        net_amount,
        lower(destination_currency) as destination_currency,
        destination_amount,
        exchange_rate,
        trace_code,
        failure__code as failure_code,
        failure__funds_returned_at as funds_returned_at,
        created_at,
        estimated_arrival as estimated_arrival_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
