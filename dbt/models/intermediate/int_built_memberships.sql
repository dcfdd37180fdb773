{{ config(**by_change('memberships', 'membership_key')) }}
{{ config(enabled=target.type != 'spark') }}
{#- After all that is made by what changed: what they were made of. -#}

select membership_key, digest
from {{ changed_rows(ref('int_membership_inputs'), 'memberships', 'membership_key') }} as inputs
