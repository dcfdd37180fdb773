-- Our MRR on each day of which Whop's is known: the periods that cover it, and how Whop counts them.
with days as (
    select
        numbers.company_id,
        numbers.month,
        numbers.day,
        as_of.as_of,
        numbers.month = {{ month_of('as_of.as_of_date') }} as is_now
    from {{ ref('int_whop_numbers') }} as numbers
    inner join {{ ref('int_as_of') }} as as_of on numbers.company_id = as_of.company_id
    where numbers.metric = 'monthly_recurring_revenue' and numbers.source_currency is null
),

covering as (
    select
        days.company_id,
        days.month,
        periods.currency,
        periods.mrr_usd,
        periods.mrr_native,
        {{ local_date('coalesce(periods.paid_until, periods.natural_end)') }} <= days.day as is_in_grace,
        days.is_now and coalesce(memberships.payment_collection_paused, false) as is_paused,
        case
            when amounts.tax_behavior = 'inclusive' and amounts.tax > 0 and amounts.net_amount > 0
                then {{ share('periods.mrr_usd', 'amounts.tax', 'amounts.net_amount') }}
            else 0
        end as tax_usd
    from days
    inner join {{ ref('int_subscription_periods') }} as periods
        on days.company_id = periods.company_id
        and periods.period_start <= days.as_of
        and {{ local_date('periods.period_start') }} <= days.day
        -- What ends after as_of has not ended yet.
        and ({{ local_date('periods.period_end') }} > days.day or periods.period_end > days.as_of)
    inner join {{ ref('int_payment_amounts') }} as amounts on periods.payment_id = amounts.payment_id
    left join {{ ref('stg_whop__memberships') }} as memberships on periods.membership_id = memberships.membership_id
    where periods.mrr_usd is not null
)

select
    company_id,
    month,
    currency,
    cast(sum(mrr_usd) as decimal(38, 9)) as mrr_usd,
    cast(sum(mrr_native) as decimal(38, 9)) as mrr_native,
    cast(-sum(case when is_in_grace then mrr_usd else 0 end) as decimal(38, 9)) as grace_usd,
    cast(-sum(case when is_paused and not is_in_grace then mrr_usd else 0 end) as decimal(38, 9)) as paused_usd,
    cast(sum(case when is_in_grace or is_paused then 0 else tax_usd end) as decimal(38, 9)) as tax_usd
from covering
group by company_id, month, currency
