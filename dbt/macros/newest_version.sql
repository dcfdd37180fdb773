{#-
    The rows of a raw table, one per id: the version read last. A row that Whop no longer lists is left
    out unless the var include_deleted, or the caller, keeps it.

    Loads merge on id, so an id is almost never there twice: only those that are get sorted, and the many
    wide rows pass untouched. (A planner also knows how many rows that makes; of a filter on row_number()
    over all of them Postgres expects a handful, and then joins them one by one.)
-#}
{% macro newest_version(relation, keep_deleted=var('include_deleted')) %}
    {%- set repeated_ids -%}
        select id from {{ relation }} group by id having count(*) > 1
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
