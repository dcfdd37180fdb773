-- A log, not a state: every row stays, also the one that says the plan was deleted.
with renamed as (
    select
        -- A state that comes back, or is seen to be gone, is as it was.
        _dlt_id || '/' || _dlt_load_id as state_id,
        id as plan_id,
        company_id,
        product__id as product_id,
        title,
        description,
        plan_type,
        visibility,
        release_method,
        lower(currency) as currency,
        initial_price,
        renewal_price,
        billing_period as billing_period_days,
        trial_period_days,
        expiration_days,
        split_pay_required_payments,
        tax_type,
        collect_tax,
        adaptive_pricing_enabled,
        stock,
        unlimited_stock,
        member_count,
        internal_notes,
        purchase_url,
        created_at,
        updated_at,
        metadata,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from {{ raw_rows('plan_states', {
        '_dlt_id': 'text', '_dlt_load_id': 'text', 'id': 'text', 'company_id': 'text', 'product__id': 'text',
        'title': 'text', 'description': 'text', 'plan_type': 'text', 'visibility': 'text', 'release_method': 'text',
        'currency': 'text', 'initial_price': 'decimal(38, 9)', 'renewal_price': 'decimal(38, 9)',
        'billing_period': 'bigint', 'trial_period_days': 'bigint', 'expiration_days': 'bigint',
        'split_pay_required_payments': 'bigint', 'tax_type': 'text', 'collect_tax': 'boolean',
        'adaptive_pricing_enabled': 'boolean', 'stock': 'bigint', 'unlimited_stock': 'boolean',
        'member_count': 'bigint', 'internal_notes': 'text', 'purchase_url': 'text', 'created_at': 'timestamptz',
        'updated_at': 'timestamptz', 'metadata': 'json', '_whop_synced_at': 'timestamptz',
        '_whop_deleted_at': 'timestamptz'
    }) }} as plan_states
)

select * from renamed
