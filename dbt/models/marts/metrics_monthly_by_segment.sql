select
    company_id,
    dimension,
    value,
    {{ metrics_of_a_month() }}
from {{ ref('int_metrics_monthly') }}
where dimension <> 'all'
