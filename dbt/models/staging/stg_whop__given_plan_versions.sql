with renamed as (
    select
        company_id,
        plan_id,
        valid_from,
        valid_to,
        plan_type,
        billing_period_days,
        initial_price,
        renewal_price,
        lower(currency) as currency,
        trial_period_days,
        split_pay_required_payments
    from {{ raw_rows('given_plan_versions', {
        'company_id': 'text', 'plan_id': 'text', 'valid_from': 'timestamptz', 'valid_to': 'timestamptz',
        'plan_type': 'text', 'billing_period_days': 'bigint', 'initial_price': 'decimal(38, 9)',
        'renewal_price': 'decimal(38, 9)', 'currency': 'text', 'trial_period_days': 'bigint',
        'split_pay_required_payments': 'bigint'
    }) }} as given_plan_versions
)

select * from renamed
