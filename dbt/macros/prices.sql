{#- An amount in a currency's smallest unit: whole yen, cents, and 9 decimals of what has no cents. -#}
{% macro to_smallest_unit(amount, currency) -%}
    case
        when {{ currency }} in (
            'bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'ugx', 'vnd', 'vuv', 'xaf', 'xof', 'xpf'
        )
            then cast(cast({{ amount }} as decimal(38, 0)) as decimal(38, 9))
        when {{ currency }} in ('btc', 'eth', 'ape', 'usdt') then cast({{ amount }} as decimal(38, 9))
        else cast(cast({{ amount }} as decimal(38, 2)) as decimal(38, 9))
    end
{%- endmacro %}

{#-
    A plan's price less the promo code of a payment. A flat amount in another currency than the payment's
    cannot be taken off, nor can a code that nobody knows.
-#}
{% macro after_code(price) -%}
    case
        when code_amount_off is null then {{ price }}
        when code_type = 'percentage'
            then {{ to_smallest_unit('greatest(' ~ price ~ ' - ' ~ price ~ ' * code_amount_off * 0.01, 0)', 'currency') }}
        when coalesce(code_currency, currency) = currency
            then {{ to_smallest_unit('greatest(' ~ price ~ ' - code_amount_off, 0)', 'currency') }}
        else {{ price }}
    end
{%- endmacro %}

{#- Whether the promo code of a payment takes something off this one only: once, or for one interval of the plan. -#}
{% macro covers_one_payment(days) -%}
    coalesce(
        promo_code_id is not null
        and (
            code_duration = 'once'
            or code_intervals = 1
            or (
                code_duration is distinct from 'forever'
                and not {{ is_longer_than_period('coalesce(code_months, code_intervals)', days) }}
            )
        ), false
    )
{%- endmacro %}
