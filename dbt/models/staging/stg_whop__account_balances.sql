with newest as (
    {{ newest_version('account_balances', {
        'id': 'text', 'company_id': 'text', 'symbol': 'text', 'balance': 'decimal(38, 9)',
        'held__available': 'decimal(38, 9)', 'held__in_transit': 'decimal(38, 9)', 'held__pending': 'decimal(38, 9)',
        'held__reserve': 'decimal(38, 9)', 'value_usd': 'decimal(38, 9)', 'observed_at': 'timestamptz',
        '_whop_synced_at': 'timestamptz', '_whop_deleted_at': 'timestamptz', '_dlt_load_id': 'text', '_dlt_id': 'text'
    }) }}
),

renamed as (
    select
        id as account_balance_id,
        company_id,
        lower(symbol) as currency,
        balance,
        held__available as available,
        held__in_transit as in_transit,
        held__pending as pending,
        held__reserve as reserve,
        value_usd,
        observed_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
