with newest as (
    {{ newest_version('files') }}
),

renamed as (
    select
        id as file_id,
        company_id,
        filename,
        content_type,
        cast(size as bigint) as size_bytes,
        upload_status,
        visibility,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
