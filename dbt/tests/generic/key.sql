{#- The grain of a model of one column: never null, and no two rows share it. One query, where unique and not_null are two. -#}
{% test key(model, column_name) %}
select
    {{ column_name }},
    count(*) as rows_found
from {{ model }}
group by {{ column_name }}
having count(*) > 1 or {{ column_name }} is null
{% endtest %}
