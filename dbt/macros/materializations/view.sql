{#-
    A view on Postgres stays: one that would be the same is not touched at all, so that nobody has to wait,
    and one that is to be another is replaced where it is. dbt's own way makes a new view, renames both and
    drops the old one, and other people's views with it.

    DuckDB keeps dbt's own way.
-#}
{% materialization view, adapter='postgres' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is none or not existing.is_view -%}
        {%- if existing is not none -%}
            {%- do name_dependents(existing, 'is a view now') -%}
        {%- endif -%}
        {{ return(dbt.materialization_view_default()) }}
    {%- endif -%}
    {%- set made = existing.incorporate(
        path={'database': none, 'schema': 'pg_temp', 'identifier': existing.identifier ~ '__made'}
    ) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- do run_query('drop view if exists ' ~ made) -%}
    {%- call statement('main') -%}
        {{ get_create_view_as_sql(made, sql) }}
    {%- endcall -%}
    {%- set held = columns_of(existing) -%}
    {%- set types = {} -%}
    {%- for column in columns_of(made) -%}{%- do types.update({column.quoted: column.type}) -%}{%- endfor -%}
    {%- set order = held | map(attribute='quoted') | list -%}
    {%- set gone = [] -%}
    {%- for column in held if types.get(column.quoted) != column.type -%}
        {%- do gone.append(column.name) -%}
    {%- endfor -%}
    {%- for name in types if name not in order -%}{%- do order.append(name) -%}{%- endfor -%}
    {%- set wanted = sql -%}
    {%- if not gone and order != types | list -%}
        {#- A view is replaced only by one that begins with its columns: the new ones come last. -#}
        {%- set wanted = 'select ' ~ order | join(', ') ~ ' from (' ~ sql ~ ') as model' -%}
        {%- do run_query('drop view ' ~ made ~ ';' ~ get_create_view_as_sql(made, wanted)) -%}
    {%- endif -%}
    {%- set definitions = run_query(
        "select pg_get_viewdef('" ~ made ~ "'::regclass), pg_get_viewdef('"
        ~ existing.include(database=false) ~ "'::regclass)"
    ).rows[0] -%}
    {%- do run_query('drop view ' ~ made) -%}
    {%- if gone -%}
        {%- do name_dependents(existing, 'has its columns ' ~ gone | join(', ') ~ ' no more as they were') -%}
        {%- do run_query(in_short_tries('drop view ' ~ existing ~ ' cascade')) -%}
        {%- do adapter.cache_dropped(existing) -%}
        {%- do run_query(get_create_view_as_sql(existing, sql)) -%}
    {%- elif definitions[0] != definitions[1] -%}
        {%- do run_query(in_short_tries(get_replace_view_sql(existing, wanted))) -%}
    {%- endif -%}
    {%- do apply_grants(existing, config.get('grants'), should_revoke=True) -%}
    {%- do persist_docs(existing, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [existing]}) }}
{% endmaterialization %}
