with newest as (
    {{ newest_version('invoices') }}
),

renamed as (
    select
        id as invoice_id,
        company_id,
        current_plan__id as plan_id,
        user__id as user_id,
        number as invoice_number,
        status,
        lower(current_plan__currency) as currency,
        current_plan__formatted_price as formatted_price,
        email_address,
        user__username as username,
        user__name as name,
        due_date as due_at,
        created_at,
        payment_processing as is_payment_processing,
        line_items,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
