{{ config(enabled=target.type != 'spark') }}
-- Members of changed memberships: those of now, and those of the last build. Comes before int_payments, which has them.
select {{ member_key() }} as member_key
from {{ changed_rows(ref('int_payment_amounts'), 'memberships', membership_key()) }} as payments
{%- if is_by_change() %}
union
select {{ member_key() }}
from {{ changed_rows(built_relation('int_payments'), 'memberships', membership_key()) }} as payments
{%- else %}
where false
{%- endif %}
