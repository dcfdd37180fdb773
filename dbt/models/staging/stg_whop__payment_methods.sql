with newest as (
    {{ newest_version('payment_methods') }}
),

renamed as (
    select
        id as payment_method_id,
        company_id,
        typename as shape,
        payment_method_type,
        card__brand as card_brand,
        card__last4 as card_last4,
        card__exp_month as card_exp_month,
        card__exp_year as card_exp_year,
        us_bank_account__bank_name as bank_name,
        us_bank_account__account_type as bank_account_type,
        us_bank_account__last4 as bank_account_last4,
        cashapp__cashtag as cashapp_cashtag,
        ideal__bank as ideal_bank,
        sepa_debit__country as sepa_country,
        sepa_debit__last4 as sepa_last4,
        created_at,
        card__funding_type as card_funding_type,
        card__expired as card_is_expired,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
