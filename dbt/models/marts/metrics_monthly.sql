select
    company_id,
    {{ metrics_of_a_month() }}
from {{ ref('int_metrics_monthly') }}
where dimension = 'all'
