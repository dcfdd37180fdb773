-- Shares of the renewals that were due lately: of a plan where there are enough of them, and of the company.
with counted as (
    select
        company_id,
        plan_id,
        count(*) as renewals_due,
        count(case when is_paid then 1 end) as renewals_paid,
        count(case when is_late then 1 end) as late_due,
        count(case when is_late and is_paid then 1 end) as late_paid
    from {{ ref('int_renewals_due') }}
    group by company_id, plan_id
),

companies as (
    select
        company_id,
        sum(renewals_due) as renewals_due,
        sum(renewals_paid) as renewals_paid,
        sum(late_due) as late_due,
        sum(late_paid) as late_paid
    from counted
    group by company_id
),

all_of_them as (
    select company_id, plan_id, renewals_due, renewals_paid, late_due, late_paid
    from counted
    where plan_id is not null
    union all
    select company_id, null, renewals_due, renewals_paid, late_due, late_paid
    from companies
)

select
    company_id,
    plan_id,
    cast(renewals_due as bigint) as renewals_due,
    cast(renewals_paid as bigint) as renewals_paid,
    cast(late_due as bigint) as late_due,
    cast(late_paid as bigint) as late_paid,
    {{ divide('renewals_paid', 'renewals_due', 9) }} as paid_rate,
    {{ divide('late_paid', 'late_due', 9) }} as late_paid_rate
from all_of_them
