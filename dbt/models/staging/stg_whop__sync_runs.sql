with renamed as (
    select
        _dlt_id as sync_run_id,
        run_id,
        company_id,
        table_name,
        mode,
        status,
        started_at,
        finished_at,
        seconds,
        requests,
        retries,
        rows_read,
        rows_new,
        rows_changed,
        rows_deleted,
        cursor_before,
        cursor_after,
        error,
        unreadable
    from {{ source('whop_raw', 'sync_runs') }}
)

select * from renamed
