-- A discount is rounded to the smallest unit of its currency, half away from zero, and takes no more than there is.
with cases as (
    select 29.99 as price, 'usd' as currency, 'percentage' as code_type, 15 as code_amount_off, null as code_currency, 25.49 as expected
    union all select 9.99, 'usd', 'percentage', 50, null, 5.00
    union all select 980, 'jpy', 'percentage', 33, null, 657
    union all select 0.010416666, 'eth', 'percentage', 50, null, 0.005208333
    union all select 30, 'usd', 'percentage', 100, null, 0
    union all select 30, 'usd', 'flat_amount', 10, 'usd', 20
    union all select 30, 'usd', 'flat_amount', 10, null, 20
    union all select 30, 'usd', 'flat_amount', 40, 'usd', 0
    union all select 30, 'usd', 'flat_amount', 10, 'eur', 30
    union all select 29.99, 'usd', null, null, null, 29.99
)

select
    price,
    currency,
    code_type,
    code_amount_off,
    expected,
    {{ after_code('price') }} as actual
from cases
where {{ after_code('price') }} <> expected
