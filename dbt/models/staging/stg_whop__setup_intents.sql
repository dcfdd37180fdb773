with newest as (
    {{ newest_version('setup_intents') }}
),

renamed as (
    select
        id as setup_intent_id,
        company_id,
        member__id as member_id,
        member__user__id as user_id,
        payment_method__id as payment_method_id,
        checkout_configuration__id as checkout_configuration_id,
        status,
        error_message,
        payment_method__payment_method_type as payment_method_type,
        payment_method__card__brand as card_brand,
        payment_method__mailing_address__country as mailing_country,
        metadata,
        created_at,
        last_setup_error__code as error_code,
        updated_at,
        _whop_synced_at as synced_at,
        _whop_deleted_at as deleted_at
    from newest
)

select * from renamed
