{#-
    A statement that wants a relation for itself, tried again and again until the time for waiting is over.
    While one such statement waits, everybody who comes later waits behind it, so no try takes long.
-#}
{% macro in_short_tries(statement) %}
do $tries$
declare
    deadline timestamptz := clock_timestamp() + interval '{{ var("lock_wait_seconds") }} seconds';
    usual text := current_setting('lock_timeout');
begin
    perform set_config('lock_timeout', '100ms', true);
    loop
        begin
            execute $statement${{ statement }}$statement$;
            exit;
        exception when lock_not_available then
            if clock_timestamp() >= deadline then
                raise;
            end if;
        end;
        perform pg_sleep(0.9);
    end loop;
    perform set_config('lock_timeout', usual, true);
end
$tries$
{% endmacro %}

{#-
    Warns of the views of others that are about to go with a relation, or with columns of it, and keeps
    their SQL in dbt's log. What is this project's own is built again in the same run.
-#}
{% macro name_dependents(relation, why, columns=none) %}
    {%- set found = run_query(
        "with recursive dependents as ("
        ~ "select distinct rule.ev_class as oid from pg_depend as dependence "
        ~ "join pg_rewrite as rule on rule.oid = dependence.objid "
        ~ "left join pg_attribute as read on read.attrelid = dependence.refobjid "
        ~ "and read.attnum = dependence.refobjsubid "
        ~ "where dependence.classid = 'pg_rewrite'::regclass and dependence.refclassid = 'pg_class'::regclass "
        ~ "and dependence.refobjid = '" ~ relation.include(database=false) ~ "'::regclass "
        ~ "and rule.ev_class <> dependence.refobjid "
        ~ ("and read.attname in ('" ~ columns | join("', '") ~ "') " if columns else "")
        ~ "union "
        ~ "select rule.ev_class from dependents "
        ~ "join pg_depend as dependence on dependence.refobjid = dependents.oid "
        ~ "and dependence.refclassid = 'pg_class'::regclass and dependence.classid = 'pg_rewrite'::regclass "
        ~ "join pg_rewrite as rule on rule.oid = dependence.objid and rule.ev_class <> dependents.oid) "
        ~ "select nspname, relname, pg_get_viewdef(dependents.oid) from dependents "
        ~ "join pg_class on pg_class.oid = dependents.oid "
        ~ "join pg_namespace on pg_namespace.oid = relnamespace order by 1, 2"
    ) -%}
    {%- set ours = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' -%}
        {%- do ours.append((node.schema, node.alias)) -%}
    {%- endfor -%}
    {%- set others = [] -%}
    {%- for row in found.rows if (row[0], row[1]) not in ours -%}
        {%- do others.append(row[0] ~ '.' ~ row[1]) -%}
        {%- do log('Dropped: create view ' ~ row[0] ~ '.' ~ row[1] ~ ' as ' ~ row[2], info=true) -%}
    {%- endfor -%}
    {%- if others -%}
        {%- do exceptions.warn(
            relation.schema ~ '.' ~ relation.identifier ~ ' ' ~ why ~ ', and views that read that are dropped: '
            ~ others | join(', ') ~ '. Their SQL is in the log of dbt'
        ) -%}
    {%- endif -%}
{% endmacro %}
