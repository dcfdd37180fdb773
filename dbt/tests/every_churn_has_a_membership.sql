{{ config(severity='warn') }}
-- Then its type is only a guess, 'lapsed'.
select company_id, member_id, movement_date
from {{ ref('mrr_movements') }}
where movement_type = 'churn' and churned_membership_id is null
