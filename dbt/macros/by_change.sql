{#-
    Models of which a build makes anew only what changed since the last build that came to its end: the rows of changed
    memberships, or of their members, go, and come as they are now. Which these are is in int_changed_memberships and
    int_changed_members; whether a build may do so, in int_build_scope. Where it may not, all of them are made anew.
-#}

{#-
    The configuration of such a model: whose its rows are (memberships or members), and the key of these in a row. On
    Spark every build begins without the tables of the one before.
-#}
{% macro by_change(of, key) -%}
    {%- if target.type == 'spark' -%}
        {{ return({'materialized': 'table'}) }}
    {%- endif -%}
    {{ return({
        'materialized': 'incremental', 'incremental_strategy': 'changed_' ~ of, 'unique_key': key,
        'on_schema_change': 'fail'
    }) }}
{%- endmacro %}

{#- Whose rows a model with this configuration is made of by what changed; none of any other. -#}
{% macro made_by_change_of(settings) -%}
    {%- set strategy = settings.get('incremental_strategy') or '' -%}
    {{ return(strategy.removeprefix('changed_') if strategy.startswith('changed_') else none) }}
{%- endmacro %}

{#- A payment without a membership, or a member, stands for one by itself. -#}
{% macro membership_key() -%}
    coalesce(membership_id, payment_id)
{%- endmacro %}

{% macro member_key() -%}
    coalesce(member_id, payment_id)
{%- endmacro %}

{#- What a model is made of: rows of changed memberships or members where a build makes only those anew, else all. -#}
{% macro changed_rows(relation, of, key) -%}
    {%- if is_by_change(of) -%}
    (select * from {{ relation }} as model_rows where {{ key }} in ({{ changed_keys(of) }}))
    {%- else -%}
    {{ relation }}
    {%- endif -%}
{%- endmacro %}

{% macro changed_keys(of) -%}
    select {{ of[:-1] }}_key from {{ ref('int_changed_' ~ of) }}
{%- endmacro %}

{#- Whether a model is to be made by what changed; called when dbt reads the project, it says what comes before it. -#}
{% macro is_by_change(of='memberships') -%}
    {%- if target.type != 'spark' and not execute -%}
        {%- do [ref('int_build_scope'), ref('int_changed_' ~ of)] -%}
    {%- endif -%}
    {{ return(target.type != 'spark' and build_is_by_change()) }}
{%- endmacro %}

{#- One that makes models by themselves has no scope of its own. -#}
{% macro build_is_by_change() -%}
    {%- set scope = built_relation('int_build_scope') if execute and can_be_by_change() -%}
    {%- if not scope -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set found = run_query(
        "select count(*), count(made_whole_because) from " ~ scope ~ " where invocation_id = '" ~ invocation_id ~ "'"
    ).rows[0] -%}
    {{ return(found[0] > 0 and found[1] == 0) }}
{%- endmacro %}

{#- Who runs dbt by hand may have changed a macro, of which dbt says nothing: `whop-elt` says what the models are. -#}
{% macro can_be_by_change() -%}
    {{ return(var('models_digest') != 'none' and not flags.FULL_REFRESH) }}
{%- endmacro %}

{#- A table of the last build, be it made before or after the model that asks; none where there is none yet. -#}
{% macro built_relation(name) -%}
    {%- set node = model_called(name) -%}
    {{ return(load_relation(api.Relation.create(database=this.database, schema=node.schema, identifier=node.alias))) }}
{%- endmacro %}

{#- The project's model of this name, as dbt has it. -#}
{% macro model_called(name) -%}
    {{ return(
        graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | selectattr('name', 'equalto', name) | first
    ) }}
{%- endmacro %}

{#- All models that are made by what changed. -#}
{% macro models_by_change() -%}
    {%- set found = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and made_by_change_of(node.config) -%}
        {%- do found.append(node) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{#-
    Whether this build is of a selection that leaves out some of what they are made of, or some of them: these do not
    belong together then, and what the next build compares with was of other rows, or of other settings.
-#}
{% macro is_selection() -%}
    {%- set needed = [] -%}
    {%- do add_what_it_is_made_of(model_called('int_built_companies'), needed) -%}
    {{ return(needed | reject('in', selected_resources) | list != []) }}
{%- endmacro %}

{% macro add_what_it_is_made_of(node, found) -%}
    {%- for unique_id in node.depends_on.nodes if unique_id in graph.nodes and unique_id not in found -%}
        {%- do found.append(unique_id) -%}
        {%- do add_what_it_is_made_of(graph.nodes[unique_id], found) -%}
    {%- endfor -%}
{%- endmacro %}

{#-
    Before anything is written: from now on nothing says that these tables belong together, until int_built_companies,
    which comes last, says so again. A build that is broken off leaves the next one to make all of them anew.
-#}
{% macro forget_what_was_built() -%}
    {%- set built = built_relation('int_built_companies') if execute -%}
    {%- if built -%}
        {%- do run_query('delete from ' ~ built) -%}
    {%- endif -%}
{%- endmacro %}

{#- What numbers hang on beside rows: models, release and variables. The next build compares it with its own. -#}
{% macro basis_of_build() -%}
    {{ return(local_md5(var('models_digest') ~ rules_fingerprint() ~ settings_fingerprint())) }}
{%- endmacro %}

{#-
    A number that stands for a row: another where anything of it is. Added up over the rows of a key, it is another one
    where a row came, went or is another.
-#}
{% macro row_digest(columns) -%}
    {{- return(adapter.dispatch('row_digest')(columns)) -}}
{% endmacro %}

{#- Hashed twice: numbers of rows in which two values changed places could add up to the same otherwise. -#}
{% macro default__row_digest(columns) -%}
    hash(hash({{ columns | join(', ') }}))
{%- endmacro %}

{#- Whether anything that has a time has come between the last build that came to its end and this one; that a row was
    read in between is none of it. Nothing of a table without times. -#}
{% macro has_come(relation, rows, scope) -%}
    {%- set moments = [] -%}
    {%- for column in adapter.get_columns_in_relation(relation)
        if 'timestamp' in column.dtype | lower and column.name != 'synced_at' -%}
        {%- do moments.append(
            rows ~ '.' ~ column.name ~ ' between ' ~ scope ~ '.built_as_of and ' ~ scope ~ '.as_of'
        ) -%}
    {%- endfor -%}
    {{ return(moments | join(' or ')) }}
{%- endmacro %}

{#- All columns of a relation but these, as they are called beside others. -#}
{% macro columns_but(relation, left_out, rows) -%}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- for column in adapter.get_columns_in_relation(relation) if column.name not in left_out -%}
            {%- do found.append(rows ~ '.' ~ column.name) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}
