{%- set types = {
    'new_usd': 'new',
    'reactivation_usd': 'reactivation',
    'expansion_usd': 'expansion',
    'contraction_usd': 'contraction',
    'churn_usd': 'churn'
} -%}

with changes as (
    select
        company_id,
        dimension,
        value,
        {{ month_of('change_date') }} as month,
        {%- for column, type in types.items() %}
        sum(case when movement_type = '{{ type }}' then change_usd else 0 end) as {{ column }},
        {%- endfor %}
        sum(change_usd) as change_usd,
        count(case when mrr_after_usd = change_usd then 1 end)
        - count(case when mrr_after_usd = 0 then 1 end) as customers_change
    from {{ ref('int_segment_changes') }}
    group by company_id, dimension, value, {{ month_of('change_date') }}
),

first_months as (
    select company_id, dimension, value, min(month) as first_month
    from changes
    group by company_id, dimension, value
),

months as (
    select
        first_months.company_id,
        first_months.dimension,
        first_months.value,
        {{ each('month', 'first_months.first_month', 'as_of.as_of_date') }} as month
    from first_months
    inner join {{ ref('int_as_of') }} as as_of on first_months.company_id = as_of.company_id
),

parts as (
    select
        months.company_id,
        months.dimension,
        months.value,
        months.month,
        {%- for column in types %}
        coalesce(changes.{{ column }}, 0) as {{ column }},
        {%- endfor %}
        coalesce(changes.change_usd, 0) as change_usd,
        coalesce(changes.customers_change, 0) as customers_change
    from months
    left join changes
        on months.company_id = changes.company_id
        and months.dimension = changes.dimension
        and months.value = changes.value
        and months.month = changes.month
),

ends as (
    select
        parts.*,
        sum(change_usd) over to_date as mrr_end_usd,
        sum(customers_change) over to_date as customers_end
    from parts
    window to_date as (
        partition by company_id, dimension, value order by month
        rows between unbounded preceding and current row
    )
)

select
    company_id,
    dimension,
    value,
    month,
    cast(mrr_end_usd - change_usd as decimal(38, 6)) as mrr_start_usd,
    {%- for column in types %}
    cast({{ column }} as decimal(38, 6)) as {{ column }},
    {%- endfor %}
    cast(mrr_end_usd as decimal(38, 6)) as mrr_end_usd,
    cast(customers_end - customers_change as bigint) as customers_start,
    cast(customers_end as bigint) as customers_end
from ends
