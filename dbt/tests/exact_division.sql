-- Division is exact and rounds half away from zero, to the same last digit on every engine.
with cases as (
    select 1 as numerator, 3 as denominator, 0.333333333 as expected
    union all select 2, 3, 0.666666667
    union all select -2, 3, -0.666666667
    union all select 2, -3, -0.666666667
    union all select -2, -3, 0.666666667
    union all select 0, 7, 0
    union all select 1, 0, null
    union all select 0.000000001, 2, 0.000000001
    union all select -0.000000001, 2, -0.000000001
    union all select 0.000000001, 3, 0
    union all select 0.01, 30.4375, 0.000328542
    union all select 79999999999.99, 0.000000007, 11428571428570000000
    union all select 50000000000000000000, 3, 16666666666666666666.666666667
)

select
    numerator,
    denominator,
    expected,
    {{ divide('numerator', 'denominator', 9) }} as actual
from cases
where {{ divide('numerator', 'denominator', 9) }} is distinct from cast(expected as decimal(38, 9))
