"""Where Whop's Current surface has what a column holds: written apart from the source's own code.

From the simulator's rows of that surface, which whop-sdk 2.6.0 reads (`make test-contract`), and
docs/sync.md. A column that is not named here is under its own name, `a__b` at `a.b`; what is not
there at all is null.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from whop_simulator import Business
from whop_simulator.current import current_row

Row = dict[str, Any]

_COMPANY = {"company__id": "account.id", "company__title": "account.title"}
_ROUTED = {**_COMPANY, "company__route": "account.route"}
_COMPANY_ID = {"company__id": "account_id"}
_CARD = {
    f"payment_method__card__{name}": f"payment_instrument.card.{name}"
    for name in ("exp_month", "exp_year")
}

PLACES: Mapping[str, Mapping[str, str]] = {
    "companies": {
        "owner_user__id": "owner.id",
        "owner_user__name": "owner.name",
        "owner_user__username": "owner.username",
        "logo__url": "logo_url",
    },
    "products": _ROUTED,
    "plans": _COMPANY,
    "members": {
        **_COMPANY_ID,
        "user__email": "email",
        "phone": "phone_number",
        "company_token_balance": "token_balance",
    },
    "memberships": {
        **_COMPANY,
        "user__id": "user_id",
        "member__id": "member_id",
        "plan__id": "plan_id",
        "product__id": "product_id",
        "promo_code__id": "promo_code_id",
        "renewal_period_start": "current_period_start",
        "renewal_period_end": "current_period_end",
        "currency": "renewal_price.currency",
    },
    "payments": {
        **_COMPANY_ID,
        **_CARD,
        "user__email": "customer_email",
        "member__id": "member_id",
        "membership__id": "membership_id",
        "plan__id": "plan_id",
        "product__id": "product_id",
        "promo_code__id": "promo_code_id",
        "payment_method__id": "payment_method_id",
        "payment_method__payment_method_type": "payment_instrument.payment_method_type",
        "card_brand": "payment_instrument.card.brand",
        "card_last4": "payment_instrument.card.last4",
        "last_payment_attempt": "last_payment_attempt_at",
        "next_payment_attempt": "next_payment_attempt_at",
        # All amounts are in the currency the payment settles in.
        "settlement_currency": "currency",
        "settlement_amount": "total",
        "presentment_currency": "presentment_total.currency",
    },
    "authorized_users": {**_COMPANY_ID, "user__email": "email"},
    "apps": _COMPANY,
    "transfers": {
        "currency": "amount.currency",
        "fee_amount": "fee",
        "fee_currency": "fee.currency",
    },
    "refunds": {
        **_COMPANY_ID,
        "payment__id": "payment_id",
        "currency": "amount.currency",
        "original_currency": "original_amount.currency",
    },
    "disputes": {
        **_COMPANY_ID,
        "plan__id": "plan_id",
        "product__id": "product_id",
        "needs_response_by": "evidence_due_at",
        "editable": "evidence_editable",
        "fee_currency": "fee.currency",
    },
    "dispute_alerts": {
        **_COMPANY_ID,
        "alert_type": "type",
        "charge_for_alert": "fee_charged",
        "payment__id": "payment_id",
        "product__id": "product_id",
        "transaction_date": "transaction_at",
        "fee_currency": "fee.currency",
    },
    "entries": {
        **_COMPANY_ID,
        "plan__id": "plan_id",
        "product__id": "product_id",
        "user__id": "user_id",
    },
    "checkout_configurations": {"company_id": "account_id"},
    "setup_intents": {
        **_COMPANY_ID,
        **_CARD,
        "checkout_configuration__id": "checkout_configuration_id",
        "error_message": "last_setup_error.message",
        "member__id": "member_id",
        "member__user__id": "user.id",
        "member__user__name": "user.name",
        "member__user__username": "user.username",
        "payment_method__id": "payment_method_id",
        "payment_method__payment_method_type": "payment_method_type",
        "payment_method__card__brand": "payment_instrument.card.brand",
        "payment_method__card__last4": "payment_instrument.card.last4",
    },
    "shipments": {**_COMPANY_ID, "payment__id": "payment_id", "tracking_code": "tracking_number"},
    "reviews": _ROUTED,
}
"""Table → column → its path in a row of Current."""

_ALERTS = {
    "dispute_alert": "dispute",
    "early_fraud_warning": "fraud",
    "rapid_dispute_resolution": "dispute_rdr",
}
_SHOWN: Mapping[str, Mapping[str, frozenset[str]]] = {
    "entries": {"status": frozenset({"pending", "approved", "denied"})},
    "reviews": {"status": frozenset({"published"})},
}
"""Table → column → the values that its list has."""


_PATHS = {
    "companies": "/accounts",
    "plans": "/variants",
    "authorized_users": "/team_members",
    "entries": "/waitlist_entries",
}


def path(table: str) -> str:
    """Where its list is."""
    return _PATHS.get(table, f"/{table}")


def rows_of(business: Business, table: str) -> Iterator[Row]:
    """Rows of a table as Current has them, with every field of the object."""
    source = "team_members" if table == "authorized_users" else table
    for listed in business.rows(source):
        row = current_row(source, business.stored(source, listed["id"]), business, listed=False)
        if all(row[name] in values for name, values in _SHOWN.get(table, {}).items()):
            if table == "promo_codes":
                # The object names the company, and it is not read for that alone.
                del row["account"]
            yield row


def _at(row: Row, path: str) -> Any:
    found: Any = row
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def value(table: str, row: Row, column: str) -> Any:
    """What a column must hold, before it is of the column's type."""
    found = _at(row, PLACES.get(table, {}).get(column, column.replace("__", ".")))
    match table, column:
        case "memberships", "currency" if found is None:
            return _at(row, "initial_price.currency")
        case "promo_codes", "amount_off" if row["promo_type"] == "percentage":
            return None if found is None else Decimal(str(found)) * 100
        case "memberships", "status" if found == "active" and row["cancel_at_period_end"]:
            return "canceling"
        case "dispute_alerts", "alert_type":
            return _ALERTS.get(found, found)
    if isinstance(found, dict) and "display_decimals" in found:
        return found["amount"]
    return found
