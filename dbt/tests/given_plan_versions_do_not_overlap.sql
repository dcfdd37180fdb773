-- Two versions of a plan that hold at the same time: the numbers would depend on which is taken.
select one.plan_id, one.valid_from, one.valid_to, other.valid_from as other_valid_from
from {{ ref('stg_whop__given_plan_versions') }} as one
inner join {{ ref('stg_whop__given_plan_versions') }} as other
    on one.plan_id = other.plan_id
    and (one.valid_from < other.valid_from or (one.valid_from is null and other.valid_from is not null))
where one.valid_to > other.valid_from
