with newest as (
    {{ newest_version('experiences') }}
),

renamed as (
    select
        id as experience_id,
        company_id,
        app__id as app_id,
        app__name as app_name,
        name as experience_name,
        is_public,
        "order" as sort_order,
        products,
        created_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
