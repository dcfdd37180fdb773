{#- The grain of a model of one column: never null, and no two rows share it. `never_null`: further columns. -#}
{% test key(model, column_name, never_null=[]) %}
{{ rows_against_grain(model, [column_name], [column_name] + never_null) }}
{% endtest %}
