-- So many days are so many months: whole ones where 28 to 31 days each, else days / 30.4375; 100 per period, by month.
with cases as (
    select 7 as days, 434.821429 as expected
    union all select 14, 217.410714
    union all select 16, 190.234375
    union all select 28, 100
    union all select 30, 100
    union all select 31, 100
    union all select 32, 95.117188
    union all select 45, 67.638889
    union all select 55, 55.340909
    union all select 56, 50
    union all select 60, 50
    union all select 62, 50
    union all select 63, 48.313492
    union all select 90, 33.333333
    union all select 93, 33.333333
    union all select 120, 25
    union all select 180, 16.666667
    union all select 270, 11.111111
    union all select 365, 8.333333
    union all select 366, 8.333333
    union all select 730, 4.166667
    union all select 1095, 2.777778
)

select
    days,
    expected,
    {{ per_month('100', 'days') }} as actual
from cases
where {{ per_month('100', 'days') }} <> expected
