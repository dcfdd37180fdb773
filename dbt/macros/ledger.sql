{#-
    What a line of Whop's ledger is of. Whop has some 140 types and adds others: what is known by its name goes where
    it belongs, what only looks like a fee is one, and the rest is `other` until somebody reads it.
-#}
{% macro ledger_component(line_type, has_payment) -%}
    case
        when {{ line_type }} in (
            'payment_gross', 'payment_gross_reversal', 'legacy_payment', 'legacy_crypto_payment',
            'platform_balance_payment', 'platform_credits_payment', 'misc_purchase', 'license_sale'
        )
            then 'gross'
        when {{ line_type }} in (
            'payment_refund', 'payment_refund_reversal', 'legacy_payment_refund', 'platform_balance_payment_refund',
            'platform_credits_payment_refund', 'resolution_center_refund', 'misc_refund'
        )
            then 'refunds'
        when {{ line_type }} in (
            'payment_dispute', 'payment_dispute_reversal', 'payment_dispute_adjustment', 'platform_covered_dispute',
            'dispute_hold_adjustment'
        )
            then 'disputes'
        when {{ line_type }} in ('payment_dispute_fee', 'dispute_alert_fee', 'dispute_representment_fee')
            then 'dispute_fees'
        when {{ line_type }} in (
            'withdrawal_fee', 'withdrawal_fee_reversal', 'withdrawal_markup_fee', 'withdrawal_markup_fee_reversal',
            'internal_withdrawal_fee', 'internal_withdrawal_fee_reversal', 'internal_withdrawal_markup_fee',
            'internal_withdrawal_markup_fee_reversal', 'payout_fee'
        )
            then 'payout_fees'
        when {{ line_type }} in (
            'withdrawal', 'withdrawal_reversal', 'withdrawal_clawback', 'withdrawal_clawback_reversal',
            'withdrawal_reclassification', 'withdrawal_topup_adjustment', 'onchain_withdrawal', 'internal_withdrawal',
            'internal_withdrawal_complete', 'internal_withdrawal_in_transit',
            'internal_withdrawal_in_transit_reversal', 'internal_withdrawal_reversal'
        )
            then 'payouts'
        when {{ line_type }} in ('sales_tax_remittance', 'sales_tax_remittance_reversal')
            then 'taxes'
        when {{ line_type }} in (
            'currency_conversion_incoming', 'currency_conversion_outgoing', 'onchain_swap_source', 'onchain_swap_target'
        )
            then 'conversions'
        when {{ line_type }} = 'fees' or right({{ line_type }}, 4) = '_fee' or right({{ line_type }}, 13) = '_fee_reversal'
            then case when {{ has_payment }} then 'payment_fees' else 'other_fees' end
        when {{ line_type }} like '%transfer%' or {{ line_type }} like 'topup%' or {{ line_type }} like '%deposit%'
            then 'transfers'
        else 'other'
    end
{%- endmacro %}

{#- The components of a ledger, in the order in which a month is read. -#}
{% macro ledger_components() -%}
    {{- return([
        'gross', 'refunds', 'disputes', 'payment_fees', 'dispute_fees', 'payouts', 'payout_fees', 'other_fees',
        'transfers', 'conversions', 'taxes', 'other'
    ]) -}}
{%- endmacro %}

{#-
    An amount in smallest units as one of its currency, to nine decimals. Of coins with more, both numbers are made
    smaller first: a product of the two would not fit.
-#}
{% macro from_smallest_unit(amount, units) -%}
    case
        when {{ units }} > 1000000000
            then {{ divide(
                'cast(' ~ amount ~ ' as decimal(38, 0)) * 0.000000001',
                'cast(' ~ units ~ ' as decimal(38, 0)) * 0.000000001',
                9
            ) }}
        else {{ divide(amount, units, 9) }}
    end
{%- endmacro %}

{#- Statuses of a payout whose money came back, or never went. -#}
{% macro returned_payout_statuses() -%}
    ('failed', 'reversed', 'canceled', 'denied')
{%- endmacro %}
