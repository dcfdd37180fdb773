-- What each month of receipt earns a day, and at once: see the macro.
with
{{ earnings() }}

select
    company_id,
    {{ month_of('coalesce(received_date, event_date)') }} as received_month,
    event_date,
    cast(divisor as bigint) as divisor,
    sum(rate) as rate,
    sum(lump) as lump
from rates_and_lumps
group by company_id, {{ month_of('coalesce(received_date, event_date)') }}, event_date, divisor
