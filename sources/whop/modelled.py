"""Columns of raw tables that the dbt models use: what a run must be able to read in every row.

A test reads the models' SQL and tells which are missing here.
"""

from __future__ import annotations

from collections.abc import Mapping

MODELLED: Mapping[str, tuple[str, ...]] = {
    table: tuple(columns.split())
    for table, columns in {
        "companies": "id title route member_count created_at",
        "products": "id title route visibility created_at",
        "plans": "id title plan_type visibility currency product__id billing_period "
        "trial_period_days split_pay_required_payments initial_price renewal_price "
        "created_at updated_at",
        "promo_codes": "id code status promo_type currency duration product__id uses "
        "promo_duration_months amount_off created_at expires_at",
        "members": "id status access_level most_recent_action user__id user__username user__name "
        "user__email created_at joined_at most_recent_action_at",
        "memberships": "id status cancel_option cancellation_reason currency user__id member__id "
        "plan__id product__id promo_code__id checkout_configuration_id cancel_at_period_end "
        "payment_collection_paused created_at updated_at joined_at canceled_at "
        "renewal_period_start renewal_period_end billing_period_days renewal_price initial_price "
        "split_pay_required_payments affiliate__id most_recent_action most_recent_action_at",
        "payments": "id status substatus currency settlement_currency billing_reason card_brand "
        "payment_method_type payment_method__id failure_message member__id "
        "membership__id plan__id product__id user__id promo_code__id "
        "promo_code__promo_type promo_code__amount_off promo_code__base_currency "
        "promo_code__number_of_intervals checkout_configuration_id auto_refunded "
        "billing_address__country payments_failed total tax_amount usd_total "
        "tax_behavior tax_refunded_amount amount_after_fees refunded_amount created_at "
        "paid_at refunded_at dispute_alerted_at disputes refunds decline_code "
        "next_payment_attempt",
        "payment_methods": "id card__exp_month card__exp_year",
        "payment_fees": "payment__id type family amount currency settlement_amount "
        "settlement_currency",
        "affiliates": "id total_referral_earnings_usd total_referrals_count total_revenue_usd",
        "refunds": "id status currency payment__id amount created_at",
        "financial_activity": "id line_type currency precision amount usd_amount payment__id "
        "source__id source__object plan_id product_id posted_at available_at",
        "payouts": "id status currency amount fee_amount net_amount failure__code "
        "failure__funds_returned_at created_at estimated_arrival source speed trace_code "
        "destination_currency destination_amount exchange_rate",
        "transfers": "id status currency amount origin__id created_at succeeded_at",
        "account_balances": "id symbol balance observed_at",
        "stats": "id metric period source_currency value period_start",
        "disputes": "id status currency payment__id plan__id product__id amount fee created_at",
    }.items()
}
"""By table."""
