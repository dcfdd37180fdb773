{#- Fewer renewals of a plan than this say less than those of the whole company. -#}
{%- set fewest_renewals = 20 -%}

with live as (
    select
        subscriptions.*,
        as_of.as_of,
        as_of.as_of_date
    from {{ ref('fct_subscriptions') }} as subscriptions
    inner join {{ ref('int_as_of') }} as as_of on subscriptions.company_id = as_of.company_id
    where
        subscriptions.ended_at is null
        and subscriptions.mrr_usd > 0
        and coalesce(subscriptions.status not in ('completed', 'expired', 'drafted'), true)
),

memberships as (
    select membership_id, promo_code_id, renewal_price, cancel_at_period_end
    from {{ ref('stg_whop__memberships') }}
),

-- Of each the last period that is paid for: what was paid then, with which code and card.
periods as (
    select
        periods.payment_id,
        periods.membership_id,
        periods.billing_period_days,
        periods.currency,
        periods.recurring_price,
        periods.rate,
        row_number() over (partition by periods.membership_id order by periods.place desc) as place_from_last
    from {{ ref('int_subscription_periods') }} as periods
    inner join {{ ref('int_as_of') }} as as_of on periods.company_id = as_of.company_id
    where periods.period_start <= as_of.as_of and periods.recurring_price > 0
),

cards as (
    select
        payment_method_id,
        card_exp_month,
        case when card_exp_year < 100 then 2000 + card_exp_year else card_exp_year end as card_exp_year
    from {{ ref('stg_whop__payment_methods') }}
    where card_exp_month between 1 and 12 and (card_exp_year between 1 and 99 or card_exp_year between 2000 and 2199)
),

-- A card is good to the last day of its month.
expiring as (
    select
        payment_method_id,
        cast({{ dbt.dateadd('month', 'cast(card_exp_year - 2000 as integer) * 12 + cast(card_exp_month as integer)', "date '2000-01-01'") }} as date)
            as card_expires_on
    from cards
),

joined as (
    select
        live.membership_id,
        live.company_id,
        live.member_id,
        live.product_id,
        live.plan_id,
        live.mrr_usd,
        live.paid_until,
        live.canceled_at,
        live.is_unpaid,
        live.is_paused,
        live.status in {{ ending_statuses() }}
        or live.status = 'canceled'
        or coalesce(live.cancel_at_period_end, false) as is_canceled,
        periods.billing_period_days,
        periods.currency,
        periods.rate,
        expiring.card_expires_on,
        -- A code that a membership does not name any more is used up: the next charge is the plan's price.
        case
            when memberships.renewal_price is not null then memberships.renewal_price
            when payments.promo_code_id is not null
                and memberships.promo_code_id is null
                and payments.renewal_price > 0
                then payments.renewal_price
            else periods.recurring_price
        end as amount
    from live
    inner join periods on live.membership_id = periods.membership_id and periods.place_from_last = 1
    inner join memberships on live.membership_id = memberships.membership_id
    left join {{ ref('int_payments') }} as payments on periods.payment_id = payments.payment_id
    left join {{ ref('stg_whop__payments') }} as staged on periods.payment_id = staged.payment_id
    left join expiring on staged.payment_method_id = expiring.payment_method_id
),

judged as (
    select
        joined.*,
        case
            when is_canceled then 'canceled'
            when is_paused then 'paused'
            when is_unpaid then 'unpaid'
            when card_expires_on <= {{ local_date('paid_until') }} then 'card_expires'
        end as risk
    from joined
),

rated as (
    select
        judged.*,
        cast(judged.amount * judged.rate as decimal(38, 9)) as amount_usd,
        case
            when judged.risk in ('canceled', 'paused') then 0
            when judged.risk = 'unpaid' and plans.late_due >= {{ fewest_renewals }} then plans.late_paid_rate
            when judged.risk = 'unpaid' then companies.late_paid_rate
            when plans.renewals_due >= {{ fewest_renewals }} then plans.paid_rate
            else companies.paid_rate
        end as renewal_probability,
        case
            when plans.renewals_due >= {{ fewest_renewals }} then plans.paid_rate
            else companies.paid_rate
        end as later_probability
    from judged
    left join {{ ref('int_renewal_rates') }} as plans
        on judged.company_id = plans.company_id and judged.plan_id = plans.plan_id
    left join {{ ref('int_renewal_rates') }} as companies
        on judged.company_id = companies.company_id and companies.plan_id is null
)

select
    membership_id,
    company_id,
    member_id,
    product_id,
    plan_id,
    paid_until as next_renewal_at,
    {{ local_date('paid_until') }} as next_renewal_date,
    cast(billing_period_days as bigint) as billing_period_days,
    currency,
    cast(amount as decimal(38, 9)) as amount,
    amount_usd,
    mrr_usd,
    case when risk is null then 'committed' else 'at_risk' end as standing,
    risk,
    card_expires_on,
    cast(renewal_probability as decimal(38, 9)) as renewal_probability,
    cast(later_probability as decimal(38, 9)) as later_probability,
    cast(amount_usd * cast(renewal_probability as decimal(38, 9)) as decimal(38, 9)) as expected_usd
from rated
