with newest as (
    {{ newest_version('stats', {
        'id': 'text', 'company_id': 'text', 'metric': 'text', 'period': 'text', 'period_start': 'timestamptz',
        'currency': 'text', 'source_currency': 'text', 'value': 'decimal(38, 9)',
        '_whop_synced_at': 'timestamptz', '_whop_deleted_at': 'timestamptz', '_dlt_load_id': 'text', '_dlt_id': 'text'
    }) }}
),

renamed as (
    select
        id as stat_id,
        company_id,
        metric,
        period,
        period_start as period_started_at,
        lower(currency) as currency,
        lower(source_currency) as source_currency,
        value,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
