{#-
    For who writes a mart: prints names and types of built marts as their contracts want them, by names that
    DuckDB and Postgres both know.
    dbt run-operation mart_types --args '{marts: [mrr_daily]}'
-#}
{% macro mart_types(marts) %}
    {%- set names = {'character varying': 'text', 'timestamp with time zone': 'timestamptz', 'numeric': 'decimal'} -%}
    {%- for mart in marts -%}
        {%- set relation = adapter.get_relation(target.database, generate_schema_name('marts'), mart) -%}
        {%- if relation is none -%}
            {%- do exceptions.raise_compiler_error('There is no mart ' ~ mart ~ ': build it first') -%}
        {%- endif -%}
        {%- do print('  - name: ' ~ mart ~ '\n    columns:') -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- set type = column.data_type | lower -%}
            {%- set kind = type.split('(')[0] -%}
            {#- dbt-duckdb gives texts a length that they do not have. -#}
            {%- set known = names.get(kind, kind) -%}
            {%- set size = '' if known == 'text' else type[kind | length:].replace(' ', '').replace(',', ', ') -%}
            {%- do print('      - name: ' ~ column.name ~ '\n        data_type: ' ~ known ~ size) -%}
        {%- endfor -%}
    {%- endfor -%}
{% endmacro %}
