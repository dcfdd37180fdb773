{#-
    A table on Postgres stays: its rows are replaced inside a transaction, those that differ. dbt's own way
    makes a new table, renames both and drops the old one: views of other people go with it, whoever has it
    open in a transaction holds the build up, and everybody else waits behind the build.

    DuckDB keeps dbt's own way.
-#}
{% materialization table, adapter='postgres' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is not none and existing.is_table -%}
        {{ return(build_in_place(existing)) }}
    {%- endif -%}
    {%- if existing is not none -%}
        {%- do name_dependents(existing, 'is a table now') -%}
    {%- endif -%}
    {{ return(dbt.materialization_table_default()) }}
{% endmaterialization %}

{#- As above, where a build is to make all of an incremental table anew; or what changed of it (macros/by_change.sql). -#}
{% materialization incremental, adapter='postgres' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set of = made_by_change_of(config) -%}
    {%- if of -%}
        {%- if is_by_change(of) -%}
            {{ return(build_in_place(existing, config.get('unique_key') ~ ' in (' ~ changed_keys(of) ~ ')')) }}
        {%- endif -%}
        {%- do forget_what_was_built() -%}
        {{ return(materialization_table_postgres()) }}
    {%- endif -%}
    {%- if existing is not none and not existing.is_table -%}
        {%- do name_dependents(existing, 'is a table now') -%}
    {%- elif existing is not none and should_full_refresh() -%}
        {{ return(build_in_place(existing)) }}
    {%- endif -%}
    {{ return(dbt.materialization_incremental_default()) }}
{% endmaterialization %}

{#-
    Builds the model beside the table, then gives the table its columns and rows, all or nothing. `among`: which rows of
    the table the model is now, all unless it says so.
-#}
{% macro build_in_place(target, among=none) %}
    {%- set made = target.incorporate(
        path={'database': none, 'schema': 'pg_temp', 'identifier': target.identifier ~ '__made'}
    ) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- do run_query('drop table if exists ' ~ made) -%}
    {%- call statement('main') -%}
        {{ get_create_table_as_sql(False, made, sql) }}
    {%- endcall -%}
    {%- do keep_columns(target, made, among) -%}
    {%- do replace_rows(target, made, among) -%}
    {%- do run_query('drop table ' ~ made) -%}
    {%- do keep_indexes(target) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do apply_grants(target, config.get('grants'), should_revoke=True) -%}
    {%- do persist_docs(target, model) -%}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmacro %}

{#-
    Columns of a relation as the catalog has them: name, quoted name, type; in their order. `kind` is the
    type as it matters to a table: text and varchar without a length hold the same.
-#}
{% macro columns_of(relation) %}
    {%- set found = run_query(
        "select attname, quote_ident(attname), format_type(atttypid, atttypmod) from pg_attribute "
        ~ "where attrelid = '" ~ relation.include(database=false) ~ "'::regclass "
        ~ "and attnum > 0 and not attisdropped order by attnum"
    ) -%}
    {%- set columns = [] -%}
    {%- for row in found.rows -%}
        {%- do columns.append({
            'name': row[0], 'quoted': row[1], 'type': row[2],
            'kind': 'text' if row[2] == 'character varying' else row[2]
        }) -%}
    {%- endfor -%}
    {{ return(columns) }}
{% endmacro %}

{#-
    Gives the table the columns of what was made. A new one comes last. One that is gone, or is of another
    type now, takes along the views that read it, and only those: they are named. Where only some rows are made anew
    (`among`), the others would be left without a value.
-#}
{% macro keep_columns(target, made, among=none) %}
    {%- set held = {} -%}
    {%- for column in columns_of(target) -%}{%- do held.update({column.name: column}) -%}{%- endfor -%}
    {%- set wanted = {} -%}
    {%- for column in columns_of(made) -%}{%- do wanted.update({column.name: column}) -%}{%- endfor -%}
    {%- set gone = [] -%}
    {%- set changes = [] -%}
    {%- for name, column in held.items() if wanted.get(name, {}).get('kind') != column.kind -%}
        {%- do gone.append(name) -%}
        {%- do changes.append('drop column ' ~ column.quoted ~ ' cascade') -%}
    {%- endfor -%}
    {%- for name, column in wanted.items() if held.get(name, {}).get('kind') != column.kind -%}
        {%- do changes.append('add column ' ~ column.quoted ~ ' ' ~ column.type) -%}
    {%- endfor -%}
    {%- if changes and among -%}
        {{ exceptions.raise_compiler_error(
            target ~ ' has other columns than what changed of it (' ~ changes | join(', ')
            ~ '); it is as it was, and the next build makes all of it anew'
        ) }}
    {%- endif -%}
    {%- if gone -%}
        {%- do name_dependents(target, 'has its columns ' ~ gone | join(', ') ~ ' no more as they were', gone) -%}
    {%- endif -%}
    {%- if changes -%}
        {%- do run_query(in_short_tries('alter table ' ~ target ~ ' ' ~ changes | join(', '))) -%}
    {%- endif -%}
{% endmacro %}

{#-
    Replaces the rows that differ, of all or of those `among` them. A row is known by two hashes of 64 bits; where a row
    is there more often on one side than on the other, all of it goes and comes. Readers see the old rows until the
    commit, and wait for nothing; what stayed the same is not written again. To hash a row takes longer than to find it:
    each is hashed once, and found by its place.
-#}
{% macro replace_rows(target, made, among=none) %}
    {%- set names = [] -%}
    {%- for column in columns_of(made) -%}
        {%- do names.append(column.quoted) -%}
    {%- endfor -%}
    {#- Of the text, as Postgres hashes a number without its sign: 20 and -20 would be the same row. -#}
    {%- set row = 'row(' ~ names | join(', ') ~ ')::text' -%}
    {%- set digests = 'hashtextextended(' ~ row ~ ', 0), hashtextextended(' ~ row ~ ', 1)' -%}
    {%- set differing = made.incorporate(path={'identifier': target.identifier ~ '__differing'}) -%}
    {%- do run_query('drop table if exists ' ~ differing) -%}
    {%- set count = run_query(
        'create temporary table ' ~ adapter.quote(differing.identifier) ~ ' as '
        ~ 'with rows_of_both (one, other, side, place) as materialized ('
        ~ 'select ' ~ digests ~ ', 1, ctid from ' ~ target ~ (' where ' ~ among if among else '')
        ~ ' union all select ' ~ digests ~ ', -1, ctid from ' ~ made
        ~ '), unequal as (select one, other from rows_of_both group by one, other having sum(side) <> 0) '
        ~ 'select side, place from rows_of_both inner join unequal using (one, other);'
        ~ 'select count(*) from ' ~ differing
    ).rows[0][0] -%}
    {%- if count -%}
        {%- set where = ' where ctid in (select place from ' ~ differing ~ ' where side = ' -%}
        {%- do run_query('analyze ' ~ differing ~ '; delete from ' ~ target ~ where ~ '1)') -%}
        {%- set names = names | join(', ') -%}
        {%- do run_query(
            'insert into ' ~ target ~ ' (' ~ names ~ ') select ' ~ names ~ ' from ' ~ made ~ where ~ '-1)'
        ) -%}
    {%- endif -%}
    {%- do run_query('drop table ' ~ differing) -%}
{% endmacro %}

{#- Makes the indexes of the model's configuration that are not there yet; dbt names each one anew. -#}
{% macro keep_indexes(target) %}
    {%- set held = [] -%}
    {%- for index in run_query(get_show_indexes_sql(target)).rows -%}
        {%- do held.append((index['method'], index['unique'], index['column_names'].split(',') | sort)) -%}
    {%- endfor -%}
    {%- for wanted in config.get('indexes', []) -%}
        {%- set index = adapter.parse_index(wanted) -%}
        {%- if (index.type or 'btree', index.unique, index.columns | sort) not in held -%}
            {%- do run_query(get_create_index_sql(target, wanted)) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}
