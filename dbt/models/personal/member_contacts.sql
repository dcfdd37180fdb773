select
    member_id,
    company_id,
    user_id,
    name,
    username,
    email
from {{ ref('stg_whop__members') }}
