{#- Raw tables with a row per thing at Whop, by its id. -#}
{% macro tables_of_rows() %}
    {{- return([
        'account_balances', 'affiliates', 'apps', 'authorized_users', 'checkout_configurations', 'companies',
        'company_token_transactions', 'dispute_alerts', 'disputes', 'entries', 'experiences', 'files',
        'financial_activity', 'invoices', 'leads', 'members', 'memberships', 'payment_fees', 'payment_methods',
        'payments', 'payouts', 'plans', 'products', 'promo_codes', 'refunds', 'reviews', 'setup_intents', 'shipments',
        'stats', 'transfers', 'users'
    ]) -}}
{% endmacro %}

{#-
    The rows of a raw table, one per id: the version read last. A row that Whop no longer lists is left
    out unless the var include_deleted, or the caller, keeps it.

    Loads merge on id, so an id is almost never there twice: only those that are (as of the last build; counted
    here where one model is built by itself before that) get sorted, and the many wide rows pass untouched. (A
    planner also knows how many rows that makes; of a filter on row_number() over all of them Postgres expects a
    handful, and then joins them one by one.)

    columns: name and type of what is used, of a table that a warehouse may not have yet.
-#}
{% macro newest_version(table, columns=none, keep_deleted=var('include_deleted')) %}
    {%- if table not in tables_of_rows() -%}
        {{ exceptions.raise_compiler_error('tables_of_rows() does not name ' ~ table) }}
    {%- endif -%}
    {%- set relation = raw_rows(table, columns) if columns else source('whop_raw', table) -%}
    {%- set looked_up = ref('base_whop__repeated_ids') -%}
    {%- set repeated_ids -%}
        {%- if not execute or load_relation(looked_up) -%}
        select id from {{ looked_up }} where table_name = '{{ table }}'
        {%- else -%}
        select id from {{ relation }} group by id having count(*) > 1
        {%- endif -%}
    {%- endset %}
    select versions.*
    from (
        select raw_rows.*, 1 as version_rank
        from {{ relation }} as raw_rows
        left join ({{ repeated_ids }}) as repeated on raw_rows.id = repeated.id
        where repeated.id is null
        union all
        select ranked.*
        from (
            select
                raw_rows.*,
                row_number() over (
                    partition by raw_rows.id
                    order by
                        raw_rows._whop_synced_at desc nulls last,
                        raw_rows._dlt_load_id desc,
                        raw_rows._dlt_id desc
                ) as version_rank
            from {{ relation }} as raw_rows
            inner join ({{ repeated_ids }}) as repeated on raw_rows.id = repeated.id
        ) as ranked
        where ranked.version_rank = 1
    ) as versions
    {%- if not keep_deleted %}
    where versions._whop_deleted_at is null
    {%- endif %}
{% endmacro %}
