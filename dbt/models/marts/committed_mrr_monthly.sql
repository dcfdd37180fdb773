{#- How many months are looked ahead. -#}
{%- set months_ahead = 12 -%}

with as_of as (
    select company_id, as_of_date
    from {{ ref('int_as_of') }}
),

days as (
    {%- for ahead in range(months_ahead + 1) %}
    select company_id, {{ ahead }} as months_ahead, cast({{ dbt.dateadd('month', ahead, 'as_of_date') }} as date) as date
    from as_of
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

live as (
    select
        subscriptions.company_id,
        subscriptions.membership_id,
        subscriptions.mrr_usd,
        renewals.billing_period_days,
        renewals.risk,
        renewals.renewal_probability,
        renewals.later_probability,
        {{ local_date('subscriptions.paid_until') }} as paid_until_date,
        -- One that no renewal is expected of ends when its time is over.
        renewals.membership_id is null or coalesce(renewals.risk in ('canceled', 'paused'), false) as is_ending
    from {{ ref('fct_subscriptions') }} as subscriptions
    left join {{ ref('upcoming_renewals') }} as renewals on subscriptions.membership_id = renewals.membership_id
    where subscriptions.mrr_usd > 0
),

-- How often each is charged from now on to that day.
charged as (
    select
        days.company_id,
        days.months_ahead,
        days.date,
        live.mrr_usd,
        live.renewal_probability,
        live.later_probability,
        days.months_ahead > 0 and live.is_ending and live.paid_until_date <= days.date as has_ended,
        case
            when days.months_ahead = 0 or live.is_ending or live.paid_until_date > days.date then 0
            else 1 + {{ whole_quotient(days_between('live.paid_until_date', 'days.date'), 'live.billing_period_days') }}
        end as renewals
    from days
    left join live on days.company_id = live.company_id
),

-- Decimals are added up: of floats the sum hangs on the order they come in, and with it the last digit that is shown.
expected as (
    select
        charged.*,
        case
            when has_ended then cast(0 as decimal(38, 12))
            when renewals = 0 then cast(mrr_usd as decimal(38, 12))
            else cast(
                cast(mrr_usd as {{ type_of('double precision') }})
                * cast(renewal_probability as {{ type_of('double precision') }})
                * power(
                    cast(later_probability as {{ type_of('double precision') }}),
                    cast(renewals - 1 as {{ type_of('double precision') }})
                ) as decimal(38, 12)
            )
        end as expected_usd
    from charged
)

select
    company_id,
    cast(months_ahead as bigint) as months_ahead,
    date,
    cast(sum(case when has_ended then 0 else coalesce(mrr_usd, 0) end) as decimal(38, 6)) as committed_usd,
    -- Where a share is unknown the sum is, too.
    cast(
        case
            when count(case when mrr_usd is not null and expected_usd is null then 1 end) = 0
                then coalesce(sum(expected_usd), 0)
        end as decimal(38, 6)
    ) as expected_usd,
    count(case when mrr_usd is not null and not has_ended then 1 end) as subscriptions
from expected
group by company_id, months_ahead, date
