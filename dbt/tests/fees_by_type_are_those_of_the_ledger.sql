with by_type as (
    select company_id, month, currency, sum(fees_amount) as fees
    from {{ ref('fees_by_type_monthly') }}
    group by company_id, month, currency
)

select months.company_id, months.month, months.currency
from {{ ref('cash_reconciliation') }} as months
left join by_type
    on months.company_id = by_type.company_id
    and months.month = by_type.month
    and months.currency = by_type.currency
where
    coalesce(by_type.fees, 0)
    <> -(
        months.payment_fees_amount + months.dispute_fees_amount + months.payout_fees_amount + months.other_fees_amount
    )
