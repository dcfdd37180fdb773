-- What is left of today's MRR in a year, if nobody new came? By what is known to end, and by how past renewals went.
select
    company_id,
    months_ahead,
    date,
    committed_usd,
    expected_usd,
    subscriptions
from {{ ref('committed_mrr_monthly') }}
order by company_id, months_ahead
