-- What the causes of a number add up to is its restatement: of every month, to the last digit. Ratios have no causes.
with causes as (
    select company_id, month, metric, sum(change) as change
    from {{ ref('restatement_causes') }}
    group by company_id, month, metric
)

select
    coalesce(restatements.company_id, causes.company_id) as company_id,
    coalesce(restatements.month, causes.month) as month,
    coalesce(restatements.metric, causes.metric) as metric,
    restatements.change,
    causes.change as causes_change
from (
    select company_id, month, metric, change
    from {{ ref('restatements') }}
    where metric not in ('nrr', 'grr', 'logo_churn_rate')
) as restatements
full join causes
    on restatements.company_id = causes.company_id
    and restatements.month = causes.month
    and restatements.metric = causes.metric
where coalesce(restatements.change, 0) <> coalesce(causes.change, 0)
