with runs as (
    select
        company_id,
        table_name,
        run_id,
        status,
        started_at,
        unreadable,
        row_number() over (
            partition by company_id, table_name order by started_at desc, finished_at desc, sync_run_id
        ) as place,
        row_number() over (
            partition by company_id, table_name, status order by started_at desc, finished_at desc, sync_run_id
        ) as place_in_status
    from {{ ref('stg_whop__sync_runs') }}
    where company_id is not null
),

last_runs as (
    select company_id, table_name, run_id, status, started_at, unreadable
    from runs
    where place = 1
),

last_reads as (
    select company_id, table_name, run_id, started_at
    from runs
    where status = 'ok' and place_in_status = 1
)

select
    last_runs.company_id,
    last_runs.table_name,
    last_runs.run_id as last_run_id,
    last_runs.status as last_run_status,
    last_runs.started_at as last_run_at,
    last_runs.unreadable as last_run_unreadable,
    last_reads.run_id as last_read_run_id,
    last_reads.started_at as last_read_at
from last_runs
left join last_reads
    on last_runs.company_id = last_reads.company_id
    and last_runs.table_name = last_reads.table_name
