"""Lines of the ledger and payouts, as Whop's API shows them."""

from __future__ import annotations

from typing import Any

from .ledger import Line, Payout
from .seller import Seller
from .units import DAY, Row, iso, iso_or_none, scale_of, usd_cents


def _object(value: Any) -> Row:
    return value if isinstance(value, dict) else {}


def line_row(line: Line, business: Seller) -> Row:
    """A line as the list shows it."""
    scale = scale_of(line.currency)
    item: Any = None
    if line.payment_id is not None:
        item = business.tables["payments"].find(line.payment_id)
    payment: Row = {} if item is None else business.show("payments", item)
    plan, product, user = (_object(payment.get(name)) for name in ("plan", "product", "user"))
    plan_item = business.tables["plans"].find(plan["id"]) if plan else None
    usd = usd_cents(line.amount, line.currency, line.posted_at)
    return {
        "id": line.id,
        "amount": str(line.amount),
        "available_at": iso(line.available_at),
        "currency": {"code": line.currency, "precision": str(scale)},
        "line_type": line.line_type,
        "object": "ledger_activity",
        "payment": None,
        "payment_id": line.payment_id,
        "plan_id": plan.get("id"),
        "plan_name": None if plan_item is None else plan_item.row.get("title"),
        "posted_at": iso(line.posted_at),
        "product_id": product.get("id"),
        "product_name": product.get("title"),
        "resource": None,
        "source": (
            None if line.source is None else {"id": line.source[1], "object": line.source[0]}
        ),
        "usd_amount": None if line.currency == "eth" else f"{usd / 100:.2f}",
        "user_email": user.get("email"),
        "user_id": user.get("id"),
        "user_name": user.get("name"),
    }


def payout_row(item: Payout, business: Seller) -> Row:
    """A payout as an object shows it; the list leaves some of it out."""
    scale = scale_of(item.currency)
    digits = len(str(scale)) - 1

    def text(minor: int) -> str:
        return f"{minor / scale:.{digits}f}"

    net = item.amount - item.fee
    arrives = item.created_at + 2 * DAY
    returned = item.returned_at is not None
    return {
        "id": item.id,
        "amount": text(item.amount),
        "cancelable": item.status == "requested",
        "created_at": iso(item.created_at),
        "currency": item.currency,
        "delayed": False,
        "destination_amount": text(net),
        "destination_currency": item.currency,
        "estimated_arrival": iso(arrives),
        "estimated_arrival_end": iso(arrives + DAY),
        "exchange_rate": 1.0,
        "failure": (
            {"code": "account_closed", "funds_returned_at": iso_or_none(item.returned_at),
             "message": "The bank account is closed."}
            if returned
            else None
        ),
        "fee_amount": text(item.fee),
        "fee_paid_by": "self",
        "markup_fee": text(0),
        "metadata": {},
        "net_amount": text(net),
        "notes": None,
        "object": "payout",
        "payer_name": "Whop",
        "payout_method": {"nickname": "Main account", "supported_payout_method": None},
        "payout_request_id": None,
        "recipient_name": business.company["title"],
        "sender_name": "Whop",
        "source": item.source,
        "speed": "standard",
        "statement_descriptor": "WHOP",
        "status": item.status,
        "status_detail": item.status,
        "timeline": [],
        "trace_code": f"{item.number:012}" if item.status == "completed" else None,
    }  # fmt: skip
