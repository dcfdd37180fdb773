{#- The day of each moment in the reporting time zone, as Python knows it. -#}
{%- set zone = modules.pytz.timezone(var('reporting_timezone')) -%}
{%- set instants = ['2024-03-10T04:59:59', '2024-03-11T03:59:59', '2024-04-06T13:15:00', '2024-07-31T23:30:00'] -%}

-- What is said to each engine in its own words means the same on all of them: a row for each word, and what it is to be.
with moments as (
    select
        cast('2024-03-10 06:59:59.250001+00:00' as {{ type_of('timestamptz') }}) as moment,
        cast('2024-03-12 01:00:00+02:00' as {{ type_of('timestamptz') }}) as later,
        cast('2024-02-29' as date) as leap_day,
        cast('2024-05-31' as date) as last_of_may
),

texts as (
    select 'a' as name, 4 as number, 1 as cohort
    union all select 'B', 3, 1
    union all select 'ä', 9, 1
    union all select '_', 7, 1
    union all select null, null, 2
),

ranked as (
    select texts.*, row_number() over (partition by cohort order by {{ by_bytes('name') }}) as place
    from texts
),

days as (
    select {{ each('day', 'leap_day', "cast('2024-03-02' as date)") }} as day, 'forward' as kind from moments
    union all
    select {{ each('day', 'last_of_may', 'leap_day') }}, 'backward' from moments
    union all
    select {{ each('day', 'leap_day', 'cast(null as date)') }}, 'unknown' from moments
    union all
    select {{ each('month', "cast('2024-01-01' as date)", "cast('2024-12-31' as date)") }}, 'months' from moments
),

said as (
    select 'moments are in UTC' as word, {{ epoch_of('later') }} as said, 1710198000.000000 as wanted from moments
    union all
    select 'epoch_of', {{ epoch_of('moment') }}, 1710053999.250001 from moments
    union all
    select 'epoch_of before 1970', {{ epoch_of("cast('1969-12-31 23:59:59.5+00:00' as " ~ type_of('timestamptz') ~ ")") }}, -0.5
    from moments
    union all
    select 'seconds_between', {{ seconds_between('moment', 'later') }}, 144000.749999 from moments
    union all
    select 'seconds_between, backward', {{ seconds_between('later', 'moment') }}, -144000.749999 from moments
    union all
    select 'days_between', {{ days_between('leap_day', 'last_of_may') }}, 92 from moments
    union all
    select 'days_between, backward', {{ days_between('last_of_may', 'leap_day') }}, -92 from moments
    union all
    select 'utc_date', {{ days_between("cast('2024-01-01' as date)", utc_date('moment')) }}, 69 from moments
    union all
    select 'utc_date of another offset', {{ days_between("cast('2024-01-01' as date)", utc_date('later')) }}, 70 from moments
    {%- for instant in instants %}
    {%- set moment = modules.datetime.datetime.fromisoformat(instant ~ '+00:00') %}
    union all
    select
        'local_date of {{ instant }}',
        {{ days_between(
            "cast('2024-01-01' as date)",
            local_date("cast('" ~ moment.isoformat() ~ "' as " ~ type_of('timestamptz') ~ ")")
        ) }},
        {{ (moment.astimezone(zone).date() - modules.datetime.date(2024, 1, 1)).days }}
    from moments
    {%- endfor %}
    union all
    select 'dateadd', {{ days_between('leap_day', month_of(dbt.dateadd('month', -12, 'last_of_may'))) }}, -304 from moments
    union all
    select 'dateadd into a shorter month', {{ days_between(month_of('leap_day'), 'cast(' ~ dbt.dateadd('month', -3, 'last_of_may') ~ ' as date)') }}, 28
    from moments
    union all
    select 'last_day_of', {{ days_between('leap_day', last_day_of(month_of('leap_day'))) }}, 0 from moments
    union all
    select 'whole_quotient', {{ whole_quotient('7', '2') }}, 3 from moments
    union all
    select 'whole_quotient of 0', {{ whole_quotient('0', '31') }}, 0 from moments
    union all
    select 'each day', count(*), 3 from days where kind = 'forward'
    union all
    select 'each day, backward', count(*), 0 from days where kind = 'backward'
    union all
    select 'each day to an unknown one', count(*), 0 from days where kind = 'unknown'
    union all
    select 'each month', count(distinct {{ month_of('day') }}), 12 from days where kind = 'months'
    union all
    select 'median', {{ median('number') }}, 4 from texts where cohort = 1
    union all
    select 'median of nothing', {{ median('number') }}, null from texts where cohort = 2
    union all
    select 'by_bytes', sum(case when name = 'B' then place when name = '_' then 10 * place when name = 'a' then 100 * place else 1000 * place end), 4321
    from ranked
    where cohort = 1
    union all
    select 'listagg', length({{ dbt.listagg('name', "','", 'order by number') }}), 7 from texts where cohort = 1
    union all
    select 'listagg in its order', case when {{ dbt.listagg('name', "','", 'order by number') }} = 'B,a,_,ä' then 1 else 0 end, 1
    from texts
    where cohort = 1
    union all
    select 'row_digest', count(distinct {{ row_digest(['name', 'number']) }}), count(*) from texts where cohort = 1
    union all
    select 'row_digest of a sign', max(case when {{ row_digest(['number']) }} = {{ row_digest(['-number']) }} then 1 else 0 end), 0
    from texts
    where cohort = 1
    union all
    select 'number_of_text', {{ fact_of(["'a'", '1']) }}, 14783901167038 from moments
    union all
    select 'number_of_text of amounts', {{ fact_of(["cast(0 as decimal(38, 9))", "cast(-1.5 as decimal(38, 9))"]) }}, 121021973714000 from moments
    union all
    select
        'number_of_text of a moment',
        {{ fact_of([epoch_of('moment'), 'cast(null as date)']) }},
        28633867386765
    from moments
)

select word, said, wanted
from said
where said is distinct from wanted
