{{ config(**by_change('memberships', membership_key())) }}
-- What disputes that were lost took. Where the table of disputes has any of a payment, these say how it went;
-- else the payment's substatus does.
with payments as (
    select
        payment_id,
        company_id,
        membership_id,
        currency,
        total,
        net_amount,
        fx,
        gross_usd,
        substatus,
        coalesce(dispute_alerted_at, paid_at) as dispute_alerted_at
    from {{ changed_rows(ref('int_payment_amounts'), 'memberships', membership_key()) }} as payments
    where was_ever_paid
),

disputed as (
    select distinct payment_id
    from {{ ref('stg_whop__disputes') }}
    where payment_id is not null
),

lost as (
    select
        disputes.dispute_id,
        disputes.payment_id,
        -- An amount in another currency cannot be compared: then the whole payment is lost.
        case when disputes.currency = payments.currency then disputes.amount end as amount,
        coalesce(disputes.created_at, payments.dispute_alerted_at) as charged_back_at
    from {{ ref('stg_whop__disputes') }} as disputes
    inner join payments on disputes.payment_id = payments.payment_id
    where disputes.status = 'lost'
    union all
    select
        cast(null as {{ dbt.type_string() }}) as dispute_id,
        payments.payment_id,
        null as amount,
        payments.dispute_alerted_at
    from payments
    left join disputed on payments.payment_id = disputed.payment_id
    where payments.substatus = 'dispute_lost' and disputed.payment_id is null
),

refunded as (
    select payment_id, sum(refunded_usd) as refunded_usd
    from {{ ref('int_refunds') }}
    group by payment_id
),

claimed as (
    select
        coalesce(lost.dispute_id, lost.payment_id) as chargeback_key,
        lost.dispute_id,
        lost.payment_id,
        payments.company_id,
        payments.membership_id,
        lost.charged_back_at,
        payments.fx,
        greatest(payments.gross_usd - coalesce(refunded.refunded_usd, 0), 0) as left_usd,
        case
            when lost.amount is null or payments.total = 0 then payments.net_amount
            else {{ share('lost.amount', 'payments.net_amount', 'payments.total') }}
        end as net_amount
    from lost
    inner join payments on lost.payment_id = payments.payment_id
    left join refunded on lost.payment_id = refunded.payment_id
),

in_usd as (
    select
        claimed.*,
        {{ to_usd('net_amount') }} as claimed_usd
    from claimed
),

-- No more than there is left of the payment is lost, whatever its disputes add up to.
capped as (
    select
        in_usd.*,
        coalesce(
            sum(claimed_usd) over (
                partition by payment_id order by charged_back_at, {{ by_bytes('chargeback_key') }}
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as claimed_before_usd
    from in_usd
)

select
    chargeback_key,
    dispute_id,
    payment_id,
    company_id,
    membership_id,
    charged_back_at,
    {{ local_date('charged_back_at') }} as charged_back_date,
    cast(
        case
            -- A rate or a gross that is not known makes this unknown: least() would take the other.
            when left_usd is not null and claimed_usd is not null
                then greatest(least(claimed_usd, left_usd - claimed_before_usd), 0)
        end as decimal(38, 9)
    ) as charged_back_usd
from capped
