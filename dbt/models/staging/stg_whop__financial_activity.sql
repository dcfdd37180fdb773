with newest as (
    {{ newest_version('financial_activity', {
        'id': 'text', 'company_id': 'text', 'line_type': 'text', 'currency': 'text', 'precision': 'decimal(38, 9)',
        'amount': 'decimal(38, 9)', 'usd_amount': 'decimal(38, 9)', 'payment__id': 'text', 'plan_id': 'text',
        'product_id': 'text', 'source__id': 'text', 'source__object': 'text', 'posted_at': 'timestamptz',
        'available_at': 'timestamptz', '_whop_synced_at': 'timestamptz', '_whop_deleted_at': 'timestamptz',
        '_dlt_load_id': 'text', '_dlt_id': 'text'
    }) }}
),

renamed as (
    select
        id as ledger_line_id,
        company_id,
        line_type,
        lower(currency) as currency,
        "precision" as smallest_units,
        amount as amount_in_smallest_units,
        usd_amount,
        payment__id as payment_id,
        plan_id,
        product_id,
        source__id as source_id,
        source__object as source_type,
        posted_at,
        available_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
