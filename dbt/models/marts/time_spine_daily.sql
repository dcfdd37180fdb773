with first_and_last as (
    select
        least(
            (select min(date) from {{ ref('mrr_daily') }}),
            (select min(date) from {{ ref('revenue_daily') }}),
            (select min(month) from {{ ref('metrics_monthly') }})
        ) as first_day,
        (select max(as_of_date) from {{ ref('int_as_of') }}) as last_day
)

select {{ each('day', 'first_day', 'last_day') }} as date
from first_and_last
