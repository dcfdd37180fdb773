{#-
    The grain of a model of several columns: no two rows share them all; a null is a value like any other, but in the
    columns of `never_null`, which may also be others than those of the grain.
-#}
{% test grain(model, columns, never_null=[]) %}
{{ rows_against_grain(model, columns, never_null) }}
{% endtest %}
