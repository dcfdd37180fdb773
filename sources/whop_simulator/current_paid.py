"""Payments on the Current surface, and what is around them: refunds, disputes, invoices, fees."""

from __future__ import annotations

from typing import Any

from .current_parts import at, found, icons, instrument, money, secret, summary
from .ledger import HELD_SHARE, hold_of
from .seller import Seller
from .units import DAY, Row, is_amount, iso, key_of, ms_of, scale_of

_ALERTS = {
    "fraud": "early_fraud_warning",
    "dispute": "dispute_alert",
    "dispute_rdr": "rapid_dispute_resolution",
}
_DISPUTES = {"closed": "prevented", "other": "prevented"}
_FAMILIES = {
    "payment_processing_percentage_fee": "processing_fee",
    "payment_processing_fixed_fee": "processing_fee",
    "affiliate_fee": "affiliate_program_fee",
    "marketplace_affiliate_fee": "affiliate_program_fee",
    "dispute_fee": "other_fee",
    "dispute_alert_fee": "other_fee",
}
_DECLINES = {
    "insufficient funds": "insufficient_funds",
    "has expired": "expired_card",
    "no longer valid": "invalid_card_number",
    "was declined": "card_declined_by_issuer",
}


def payment(row: Row, business: Seller) -> Row:
    """A payment's amounts as Money in the currency it settles in, and ids for what it names."""
    presented = row.get("currency") or "usd"
    settled = row.get("settlement_currency") or presented
    rate = row.get("settlement_exchange_rate") or 1.0

    def here(name: str, else_: Any = None) -> Any:
        amount = row.get(name)
        amount = else_ if amount is None else amount
        if is_amount(amount) and settled != presented:
            amount = amount * rate
        return money(amount, settled)

    user = row.get("user")
    plan_id = at(row, "plan.id")
    failure = row.get("failure_message")
    return {
        "amount_after_fees": money(row.get("amount_after_fees") or 0, settled),
        "currency": settled,
        "customer_email": at(row, "user.email"),
        "customer_phone": at(row, "member.phone") or at(row, "membership.phone_number"),
        "decline_code": _decline(failure),
        "holds": _holds(row, business),
        "ip_address": None if row.get("billing_reason") == "subscription_cycle" else "203.0.113.9",
        "line_items": [
            {
                "id": f"li_{row['id'][4:]}",
                "label": at(row, "product.title"),
                "plan_id": plan_id,
                "plan_title": None,
                "product_id": at(row, "product.id"),
                "product_title": at(row, "product.title"),
                "quantity": 1,
                "sku": None,
                "subtotal": here("subtotal"),
            }
        ],
        "member_id": at(row, "member.id"),
        "membership_id": at(row, "membership.id"),
        "needs_tracking": None,
        "payment_instrument": instrument(
            row.get("payment_method_type"),
            at(row, "payment_method.card"),
            (row.get("card_brand"), row.get("card_last4")),
        ),
        "payment_method_id": at(row, "payment_method.id"),
        "payment_rule_matches": [],
        "plan_id": plan_id,
        "presentment_total": money(row.get("total"), presented),
        "product_id": at(row, "product.id"),
        "promo_code_id": at(row, "promo_code.id"),
        "quote_id": None,
        "refunded_amount": here("refunded_amount"),
        "shipment_id": None,
        "subtotal": here("subtotal"),
        "tax_amount": here("tax_amount"),
        "tax_refunded_amount": here("tax_refunded_amount", _tax_refunded(row)) or money(0, settled),
        "three_ds_verified": bool(row.get("three_ds_verified")),
        "total": here("total"),
        "usd_total": money(row.get("usd_total"), "usd"),
        "user": summary(user),
        "verification_checks": None,
    }


def _holds(row: Row, business: Seller) -> list[Row]:
    """What is held back of it now."""
    hold = hold_of(row, business.clock_ms)
    if hold is None:
        return []
    held, currency, until = hold
    return [
        {
            "amount": money(held / scale_of(currency), currency),
            "percentage": 100 / HELD_SHARE,
            "release_at": iso(until),
            "type": "reserve",
        }
    ]


def _tax_refunded(row: Row) -> float | None:
    """The share of the tax that went back with a refund, where the row does not say it."""
    amounts = [row.get(name) for name in ("tax_amount", "refunded_amount", "total")]
    if not all(is_amount(amount) for amount in amounts):
        return None
    tax, refunded, total = map(float, amounts)  # type: ignore[arg-type]
    return tax * refunded / total if total else None


def _decline(failure: str | None) -> str | None:
    if not failure:
        return None
    codes = (code for text, code in _DECLINES.items() if text in failure)
    return next(codes, "generic_decline")


def client_secret(row: Row, business: Seller) -> str | None:
    """What lets a browser go on with an open payment."""
    if row.get("status") != "open":
        return None
    return f"{row['id']}_secret_{secret(row, business, 'client')}"


def recovery_url(row: Row, business: Seller) -> str | None:
    """Where whoever has the address can pay an open payment."""
    if row.get("status") != "open":
        return None
    return f"https://whop.invalid/recover/{secret(row, business, 'recovery')}"


def settlement_time(row: Row, business: Seller) -> str | None:
    """When a paid payment becomes available."""
    try:
        return iso((ms_of(row["paid_at"]) // DAY + 2) * DAY)
    except (KeyError, TypeError, ValueError):
        return None


def payment_method(row: Row, business: Seller) -> Row:
    """A payment method: Legacy's row with icons, and more about cards."""
    kind = row.get("payment_method_type") or "unknown"
    shown: Row = {"icons": icons(kind)}
    if isinstance(row.get("card"), dict):
        item = found(business, "payment_methods", row["id"])
        card = row["card"]
        month, year = card.get("exp_month") or 1, card.get("exp_year") or 9999
        year += 2000 if year < 100 else 0
        today = iso(business.clock_ms)[:7]
        shown["card"] = {
            **card,
            "expired": getattr(item, "_expired", None) or f"{year:04}-{month:02}" < today,
            "fingerprint": f"{key_of('card', card.get('brand'), card.get('last4')):x}"[:16],
            "funding_type": getattr(item, "funding", None),
            "three_ds_verified": False,
        }
        shown["has_payer_document"] = False
    return shown


def _settled(row: Row, business: Seller) -> tuple[str, float]:
    """The currency the payment of a row settles in, and the rate from its own."""
    item = found(business, "payments", at(row, "payment.id"))
    payment_row: Row = {} if item is None else business.show("payments", item)
    own = row.get("currency") or payment_row.get("currency") or "usd"
    settled = payment_row.get("settlement_currency") or own
    rate = 1.0 if settled == own else payment_row.get("settlement_exchange_rate") or 1.0
    return settled, rate


def refund(row: Row, business: Seller) -> Row:
    """A refund's two amounts: as it settles, and as the buyer sees it."""
    settled, rate = _settled(row, business)
    amount = row.get("amount") or 0
    failed = row.get("status") == "failed"
    return {
        "amount": money(amount * rate, settled),
        "original_amount": money(amount, row.get("currency") or settled),
        "failure_message": "The bank said no." if failed else None,
        "failure_reason": "bank_declined" if failed else None,
    }


_EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy_attachment",
    "cancellation_policy_disclosure",
    "customer_communication_attachment",
    "customer_email_address",
    "customer_name",
    "notes",
    "product_description",
    "refund_policy_attachment",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "uncategorized_attachment",
)


def dispute(row: Row, business: Seller) -> Row:
    """A dispute with its buyer and payment, and the evidence, of which there is none yet."""
    item = found(business, "payments", at(row, "payment.id"))
    paid: Row = {} if item is None else business.show("payments", item)
    status: str = _DISPUTES.get(row["status"]) or row["status"]
    open_still = status.endswith("needs_response")
    user = paid.get("user") or {}
    fee = None if status.startswith("warning") else money(15, "usd")
    return {
        "acceptable": open_still,
        "buyer": {
            "email": user.get("email"),
            "member_id": at(paid, "member.id"),
            "name": user.get("name"),
            "user_id": user.get("id"),
            "username": user.get("username"),
        },
        "evidence": {**dict.fromkeys(_EVIDENCE), "documents": []},
        "evidence_locked_reason": None if open_still else "response_window_closed",
        "evidence_submitted_at": None,
        "fee": fee,
        "inquiry": status.startswith("warning"),
        "issuer_comments": [],
        "line_items": [],
        "payment": {
            "id": at(row, "payment.id"),
            "amount": paid.get("total"),
            "card_brand": paid.get("card_brand"),
            "card_last4": paid.get("card_last4"),
            "created_at": paid.get("created_at") or row.get("created_at"),
            "currency": paid.get("currency"),
            "payment_instrument": instrument(
                paid.get("payment_method_type"),
                at(paid, "payment_method.card"),
                (paid.get("card_brand"), paid.get("card_last4")),
            ),
            "payment_method_type": paid.get("payment_method_type"),
            "payment_processor": "stripe",
        },
        "reason_code": "10.4",
        "status": status,
    }


def dispute_alert(row: Row, business: Seller) -> Row:
    """An alert with what it cost."""
    item = found(business, "payments", at(row, "payment.id"))
    paid: Row = {} if item is None else business.show("payments", item)
    charged = bool(row.get("charge_for_alert"))
    kind = row.get("alert_type")
    return {
        "auto_refunded": paid.get("substatus") == "auto_refunded",
        "card_brand": paid.get("card_brand"),
        "fee": money(29, "usd") if charged else None,
        "issuer": None,
        "product_id": at(paid, "product.id"),
        "type": _ALERTS.get(str(kind), kind),
    }


def invoice(row: Row, business: Seller) -> Row:
    """An invoice's lines, and what only the object shows."""
    named = found(business, "products", row.get("_product_id"))
    return {
        "line_items": [
            {"label": "Service", "position": 0, "quantity": 1, "total": 10, "unit_price": 10}
        ],
        "payment_processing": False,
        "automatically_finalizes_at": None,
        "charge_buyer_fee": False,
        "collection_method": row.get("_collection_method") or "send_invoice",
        "company": {"id": business.company["id"]},
        "customer_name": at(row, "user.name"),
        "mailing_address": None,
        "member": None,
        "pay_online_url": None,
        "payment": None,
        "product": {
            "id": row.get("_product_id"),
            "title": "Deleted product" if named is None else named.row.get("title"),
        },
        "subscription_billing_anchor_at": None,
        "updated_at": row.get("updated_at") or row.get("created_at"),
    }


def setup_intent(row: Row, business: Seller) -> Row:
    """A saved way to pay: ids, and an error with a code."""
    method = row.get("payment_method") or {}
    error = row.get("error_message")
    under_way = row.get("status") in ("processing", "requires_action")
    door = f"{row['id']}_secret_{secret(row, business, 'setup')}" if under_way else None
    return {
        "checkout_configuration_id": at(row, "checkout_configuration.id"),
        "client_secret": door,
        "last_setup_error": None if error is None else {"code": "declined", "message": error},
        "member_id": at(row, "member.id"),
        "payment_instrument": instrument(
            method.get("payment_method_type"), method.get("card"), (None, None)
        ),
        "payment_method_id": method.get("id"),
        "payment_method_type": method.get("payment_method_type"),
        "return_url": None,
        "three_ds_level": None,
        "three_ds_verified": bool(row.get("three_ds_verified")),
        "updated_at": row.get("updated_at") or row.get("created_at"),
        "user": summary(at(row, "member.user")),
    }


def fee(row: Row, business: Seller) -> Row:
    """A fee of a payment: its family, and the type as Legacy has it."""
    amount = money(row["amount"], row["currency"])
    return {
        "amount": amount,
        "collected_at": row.get("_collected_at"),
        "description": None,
        "label": row["name"],
        "origin": row["type"],
        "settlement_amount": amount,
        "type": _FAMILIES.get(row["type"], "other_fee"),
    }


def transfer(row: Row, business: Seller) -> Row:
    """Money sent or got; what has not succeeded credits nobody."""
    status, done = row.get("_status", "succeeded"), row.get("_done_at") or row["created_at"]
    currency = row["currency"]
    failed = status == "failed"
    return {
        "amount": money(row["amount"], currency) if status == "succeeded" else None,
        "destination": row.get("_destination"),
        "failed_at": done if failed else None,
        "failure_code": "insufficient_balance" if failed else None,
        "failure_reason": "There was not enough money." if failed else None,
        "fee": money(row["fee_amount"] or 0, currency),
        "metadata": row["metadata"] or {},
        "object": "transfer",
        "origin": row.get("_origin"),
        "status": status,
        "status_changed_at": None if status == "processing" else done,
        "succeeded_at": done if status == "succeeded" else None,
        "tracking_url": f"https://whop.invalid/transfers/{row['id']}",
    }
