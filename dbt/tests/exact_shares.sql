-- A share of an amount is exact to the last decimal, also of a coin's smallest parts, and the same on every engine.
with cases as (
    select 29 as amount, 24.17 as part, 29 as whole, 24.17 as expected
    union all select 30, 12.5, 15, 25
    union all select 0.000614814, 0.000512345, 0.000614814, 0.000512345
    union all select 0.000614814, 0.000256172, 0.000614814, 0.000256172
    union all select 10, 1, 3, 3.333333333
    union all select 20, 1, 3, 6.666666667
    union all select -20, 1, 3, -6.666666667
    union all select 0.000000001, 1, 2, 0.000000001
    union all select 99999.99, 99999.99, 99999.99, 99999.99
    union all select 0, 5, 7, 0
    union all select 1, 5, 0, null
)

select
    amount,
    part,
    whole,
    expected,
    {{ share('amount', 'part', 'whole') }} as actual
from cases
where {{ share('amount', 'part', 'whole') }} is distinct from cast(expected as decimal(38, 9))
