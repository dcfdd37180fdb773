{#-
    On DuckDB a view or table that is there already is replaced by a statement or two inside the transaction.
    dbt's own way makes a new one, renames both and drops the old one: readers see no difference, as nobody else
    has the file open, and for small tables that is a fifth of the build.
-#}
{% materialization view, adapter='duckdb' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is none or not existing.is_view -%}
        {{ return(dbt.materialization_view_default()) }}
    {%- endif -%}
    {{ return(replace_on_duckdb(existing, 'create or replace view ' ~ existing ~ ' as (' ~ sql ~ ')')) }}
{% endmaterialization %}

{% materialization table, adapter='duckdb' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is none or not existing.is_table -%}
        {{ return(dbt.materialization_table_duckdb()) }}
    {%- endif -%}
    {{ return(replace_on_duckdb(
        existing, 'drop table ' ~ existing ~ '; ' ~ get_create_table_as_sql(False, existing, sql)
    )) }}
{% endmaterialization %}

{#- A model that is made by what changed: see macros/by_change.sql. Others as dbt has it. -#}
{% materialization incremental, adapter='duckdb' %}
    {%- set of = made_by_change_of(config) -%}
    {%- if not of -%}
        {{ return(dbt.materialization_incremental_duckdb()) }}
    {%- endif -%}
    {%- if not is_by_change(of) -%}
        {%- do forget_what_was_built() -%}
        {{ return(materialization_table_duckdb()) }}
    {%- endif -%}
    {%- set existing = load_cached_relation(this) -%}
    {{ return(replace_on_duckdb(
        existing,
        'delete from ' ~ existing ~ ' where ' ~ config.get('unique_key') ~ ' in (' ~ changed_keys(of) ~ '); '
        ~ 'insert into ' ~ existing ~ ' by name select * from (' ~ sql ~ ')'
    )) }}
{% endmaterialization %}

{% macro replace_on_duckdb(existing, statements) %}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- call statement('main') -%} {{ statements }}; {{ comments_on_duckdb(existing) }} {%- endcall -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do apply_grants(existing, config.get('grants'), should_revoke=True) -%}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [existing]}) }}
{% endmacro %}

{#-
    The comments of a table, in the statement that makes it: dbt's own way asks for its columns twice, and sends two
    statements more. That every column with a description is there is what the contract of the model has checked.
-#}
{% macro comments_on_duckdb(relation) %}
    {%- if config.persist_relation_docs() and model.description %}
    comment on {{ relation.type }} {{ relation }} is {{ duckdb_escape_comment(model.description) }};
    {%- endif %}
    {%- if config.persist_column_docs() %}
    {%- for column in model.columns.values() if column.description %}
    comment on column {{ relation }}.{{ adapter.quote(column.name) }} is {{ duckdb_escape_comment(column.description) }};
    {%- endfor %}
    {%- endif %}
{% endmacro %}
