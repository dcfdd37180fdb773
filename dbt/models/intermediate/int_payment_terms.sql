{{ config(**by_change('memberships', membership_key())) }}
-- A plan that never changed has one version, and all its payments were made on it. Of the others it takes looking.
with payments as (
    select
        payments.payment_id,
        payments.membership_id,
        payments.plan_id,
        payments.billing_reason,
        payments.paid_at,
        payments.currency,
        payments.total,
        payments.net_amount,
        coalesce(payments.tax_behavior = 'inclusive' and payments.total > 0, false) as holds_tax,
        payments.promo_code_id,
        coalesce(payments.promo_code_type, promo_codes.promo_type) as code_type,
        coalesce(payments.promo_code_amount_off, promo_codes.amount_off) as code_amount_off,
        coalesce(payments.promo_code_currency, promo_codes.currency) as code_currency,
        payments.promo_code_intervals as code_intervals,
        promo_codes.duration as code_duration,
        promo_codes.promo_duration_months as code_months
    from {{ changed_rows(ref('int_payment_amounts'), 'memberships', membership_key()) }} as payments
    left join {{ ref('base_whop__promo_codes') }} as promo_codes
        on payments.promo_code_id = promo_codes.promo_code_id
    where payments.is_paid and payments.paid_at is not null and payments.plan_id is not null
),

plans as (
    select plan_id, count(*) > 1 or count(valid_from) > 0 or count(valid_to) > 0 as has_changed
    from {{ ref('int_plan_versions') }}
    group by plan_id
),

-- When a membership began is true also of one that was deleted since.
memberships as (
    select membership_id, created_at
    from {{ ref('base_whop__memberships') }}
),

candidates as (
    select
        payments.*,
        versions.version_number,
        versions.billing_period_days,
        versions.renewal_price,
        case
            when payments.billing_reason in ('subscription_create', 'one_time') then versions.initial_price
        end as initial_price,
        versions.currency = payments.currency as is_in_its_currency,
        (versions.valid_from <= payments.paid_at or versions.valid_from is null)
        and (versions.valid_to > payments.paid_at or versions.valid_to is null) as is_valid_when_paid
    from payments
    inner join plans on payments.plan_id = plans.plan_id and plans.has_changed
    left join memberships on payments.membership_id = memberships.membership_id
    left join {{ ref('int_plan_versions') }} as versions
        on payments.plan_id = versions.plan_id
        and (versions.valid_from <= payments.paid_at or versions.valid_from is null)
        and (
            versions.valid_to > least(coalesce(memberships.created_at, payments.paid_at), payments.paid_at)
            or versions.valid_to is null
        )
),

priced as (
    select
        candidates.*,
        case
            when {{ covers_one_payment('billing_period_days') }} then renewal_price
            else {{ after_code('renewal_price') }}
        end as renewal_price_then,
        case
            when {{ covers_one_payment('billing_period_days') }} then initial_price
            else {{ after_code('initial_price') }}
        end as initial_price_then
    from candidates
),

-- A member keeps the old price when the plan is edited: the amount tells which version was paid.
fitting as (
    select
        payment_id,
        membership_id,
        plan_id,
        paid_at,
        max(
            case
                when is_in_its_currency and (
                    (not holds_tax and (renewal_price_then = net_amount or initial_price_then = net_amount))
                    or (
                        holds_tax
                        and (
                            renewal_price_then * net_amount = net_amount * total
                            or initial_price_then * net_amount = net_amount * total
                        )
                    )
                )
                    then version_number
            end
        ) as fitting_version,
        max(case when is_valid_when_paid then version_number end) as valid_version
    from priced
    group by payment_id, membership_id, plan_id, paid_at
),

told as (
    select
        fitting.*,
        coalesce(
            fitting_version,
            case
                when membership_id is null then valid_version
                when row_number() over (
                    partition by membership_id, plan_id order by paid_at, {{ by_bytes('payment_id') }}
                ) = 1 then valid_version
            end
        ) as told_version
    from fitting
),

-- Where the amount tells nothing it is the version of the payment before.
runs as (
    select
        told.*,
        count(told_version) over (
            partition by membership_id, plan_id order by paid_at, {{ by_bytes('payment_id') }}
            rows between unbounded preceding and current row
        ) as told_so_far
    from told
),

looked_up as (
    select
        payment_id,
        case
            when membership_id is null then told_version
            else coalesce(
                max(told_version) over (partition by membership_id, plan_id, told_so_far), valid_version
            )
        end as version_number
    from runs
),

of_versions as (
    select
        payments.*,
        versions.version_number,
        versions.plan_type,
        versions.billing_period_days,
        versions.trial_period_days,
        coalesce(versions.split_pay_required_payments, 0) > 0 as is_instalment,
        case
            when versions.currency = payments.currency and versions.renewal_price > 0 then versions.renewal_price
        end as renewal_price
    from payments
    inner join plans on payments.plan_id = plans.plan_id
    left join looked_up on payments.payment_id = looked_up.payment_id
    inner join {{ ref('int_plan_versions') }} as versions
        on payments.plan_id = versions.plan_id
        and versions.version_number = case when plans.has_changed then looked_up.version_number else 1 end
),

with_codes as (
    select
        of_versions.*,
        billing_reason in ('subscription_create', 'subscription_update') as is_first_or_change,
        {{ covers_one_payment('billing_period_days') }} as has_code_for_one_payment
    from of_versions
),

-- The price that comes back: of a first payment, or one that a code made cheaper for once, it is on the plan.
with_prices as (
    select
        with_codes.*,
        case
            when has_code_for_one_payment then renewal_price
            when is_first_or_change then {{ after_code('renewal_price') }}
        end as price_on_plan
    from with_codes
),

recurring as (
    select
        with_prices.*,
        cast(
            case
                when price_on_plan is null then net_amount
                when holds_tax then {{ share('price_on_plan', 'net_amount', 'total') }}
                else price_on_plan
            end as decimal(38, 9)
        ) as recurring_price
    from with_prices
)

select
    payment_id,
    membership_id,
    version_number,
    plan_type,
    billing_period_days,
    trial_period_days,
    is_instalment,
    renewal_price,
    recurring_price,
    coalesce(
        billing_reason = 'subscription_create'
        and recurring_price > 0
        and (net_amount = 0 or (trial_period_days > 0 and net_amount < recurring_price)), false
    ) as is_trial_fee
from recurring
