"""What there is around a payment: refunds, disputes, invoices, fees, saved ways to pay.

Every row follows from the lives of the members and the clock; none has a life of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from .lives import Payment
from .people import person
from .rows import dispute_inside, public_user, user_inside
from .seller import Seller, bits_of, payments_of
from .units import DAY, Row, fees_of, is_amount, iso, iso_or_none, key_of, mix, ms_of, scale_of

PLACES = 16
"""Room for what follows from one payment."""

_PROVIDERS = ("stripe", "adyen", "paypal")


def refund_number(item: Payment, position: int) -> int:
    """Number of one of a payment's refunds, the newest of which is at position 0."""
    return item.number * PLACES + len(item.refunds) - position


def refunds(business: Seller) -> Iterator[tuple[int, Row]]:
    """A row per refund, and now and then one for an attempt that failed before it."""
    encode = business.ids["refunds"].encode
    for item in payments_of(business):
        for position, (at, amount) in enumerate(item.refunds):
            number = refund_number(item, position)
            bits = mix(business.key, number)
            found = bits % 3 == 0
            row = {
                "id": encode(number),
                "amount": amount / scale_of(item.currency),
                "created_at": iso(at),
                "currency": item.currency,
                "payment": {"id": item.id},
                "provider": _PROVIDERS[bits % len(_PROVIDERS)],
                "provider_created_at": iso(at) if bits % 5 else None,
                "reference_status": "available" if found else "pending",
                "reference_type": "acquirer_reference_number" if found else None,
                "reference_value": f"{bits % 10**12:012}" if found else None,
                "status": "pending" if business.clock_ms - at < DAY // 2 else "succeeded",
                "_user_id": None if item.guest else item.member.user_id,
            }
            yield number, row
            if bits % 13 == 0:
                tried = item.number * PLACES + PLACES // 2 + position
                failed = {"id": encode(tried), "status": "failed", "created_at": iso(at - 5)}
                yield tried, {**row, **failed, "provider_created_at": None}


def disputes(business: Seller) -> Iterator[tuple[int, Row]]:
    """A row per disputed payment."""
    encode = business.ids["disputes"].encode
    for item in payments_of(business):
        at = item.dispute_alerted_at
        if at is None:
            continue
        shown = dispute_inside(item, item.total / scale_of(item.currency), encode(item.number))
        plan = item.plan
        del shown["notes"]
        yield (
            item.number,
            {
                **shown,
                "company": {"id": business.company["id"], "title": business.company["title"]},
                "created_at": iso(at),
                "payment": {"id": item.id},
                "plan": None if plan is None else {"id": item.plan_id},
                "product": (
                    None if plan is None else {"id": item.product_id, "title": plan.product.title}
                ),
                "visa_rdr": mix(business.key, item.number) % 10 == 0,
            },
        )


def dispute_alerts(business: Seller) -> Iterator[tuple[int, Row]]:
    """A warning ahead of half of the disputes; those that were only warnings have no dispute."""
    encode = business.ids["dispute_alerts"].encode
    for item in payments_of(business):
        at = item.dispute_alerted_at
        bits = bits_of(business, "alert", item.number)
        if at is None or bits % 2:
            continue
        warning = item.substatus.startswith("dispute_warning")
        yield (
            item.number,
            {
                "id": encode(item.number),
                "alert_type": ("dispute", "dispute_rdr", "fraud")[bits // 2 % 3],
                "amount": item.total / scale_of(item.currency),
                "charge_for_alert": bits % 8 == 0,
                "created_at": iso(at),
                "currency": item.currency,
                "dispute": (
                    None if warning else {"id": business.ids["disputes"].encode(item.number)}
                ),
                "payment": {"id": item.id},
                "transaction_date": iso_or_none(item.paid_at),
            },
        )


_OF_PAYMENT = (
    "id",
    "billing_reason",
    "card_brand",
    "card_last4",
    "created_at",
    "currency",
    "dispute_alerted_at",
    "paid_at",
    "payment_method_type",
    "subtotal",
    "total",
    "usd_total",
    "user",
)
_OF_REFUNDED = ("metadata", "plan", "product", "tax_amount", "tax_behavior", "tax_refunded_amount")


def _payment_inside(row: Row, business: Seller, *more: str) -> Row | None:
    item = business.tables["payments"].find(row["payment"]["id"]) if row["payment"] else None
    if item is None:
        return None
    shown = business.show("payments", item)
    payment = {name: shown[name] for name in (*_OF_PAYMENT, *more)}
    payment["member"] = shown["member"]
    membership = shown["membership"]
    payment["membership"] = membership and {k: membership[k] for k in ("id", "status")}
    for name in ("plan", "product"):
        if payment.get(name):
            payment[name] = {key: payment[name][key] for key in ("id", "metadata")}
    return payment


def whole_refund(row: Row, business: Seller) -> Row:
    """The refund as an object: with the payment it takes back."""
    return {**row, "payment": _payment_inside(row, business, *_OF_REFUNDED)}


def whole_dispute(row: Row, business: Seller) -> Row:
    """The dispute as an object: with the payment and the evidence, of which there is none yet."""
    evidence = dict.fromkeys(
        (
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
    )
    return {**row, **evidence, "payment": _payment_inside(row, business)}


def whole_dispute_alert(row: Row, business: Seller) -> Row:
    """The alert as an object: with its payment and its dispute."""
    dispute = row["dispute"] and business.row("disputes", row["dispute"]["id"])
    names = ("id", "amount", "created_at", "currency", "reason", "status")
    return {
        **row,
        "dispute": dispute and {name: dispute[name] for name in names},
        "payment": _payment_inside(row, business),
    }


def invoices(business: Seller) -> Iterator[tuple[int, Row]]:
    """A row per charge made by hand, and for half of what was bought once."""
    statuses = {"paid": "paid", "void": "void", "uncollectible": "uncollectible", "draft": "draft"}
    for item in payments_of(business):
        count = bits_of(business, "invoice", item.number)
        if item.reason != "manual" and not (item.reason == "one_time" and count % 2):
            continue
        # Not every charge is for a plan, but every invoice names one.
        plan = item.plan or business.catalogue.plans[0]
        due = item.created_at + 7 * DAY
        status = statuses.get(item.status, "past_due" if due < business.clock_ms else "open")
        who = person(business.key, item.member.number)
        price = plan.renewal or plan.initial
        yield (
            item.number,
            {
                "id": business.ids["invoices"].encode(item.number),
                "created_at": iso(item.created_at),
                "current_plan": {
                    "id": business.ids["plans"].encode(plan.number),
                    "currency": plan.currency,
                    "formatted_price": f"{price / scale_of(plan.currency):,.2f} {plan.currency}",
                },
                "due_date": iso(due) if count // 2 % 4 else None,
                "email_address": who.email,
                "fetch_invoice_token": f"inv_{key_of(business.key, 'invoice', item.number):x}",
                "number": f"#{item.number}",
                "status": status,
                "user": public_user(business, item.member.number),
                "_product_id": business.ids["products"].encode(plan.product.number),
                "_collection_method": "send_invoice" if count // 2 % 4 else "charge_automatically",
            },
        )


def setup_intents(business: Seller) -> Iterator[tuple[int, Row]]:
    """How some payment methods were saved without a charge."""
    for member in business.members:
        for method in member.methods:
            bits = bits_of(business, "setup", method.number)
            if bits % 4:
                continue
            under_way = business.clock_ms - method.created_at < DAY
            status = ("succeeded",) * 8 + ("canceled", "requires_action")
            done = "processing" if under_way else status[bits // 4 % 10]
            who = person(business.key, member.number)
            card = {
                "brand": method.brand,
                "exp_month": 1 + bits % 12,
                "exp_year": 30,
                "last4": method.last4,
            }
            yield (
                method.number,
                {
                    "id": business.ids["setup_intents"].encode(method.number),
                    "checkout_configuration": None,
                    "company": {"id": business.company["id"]},
                    "created_at": iso(method.created_at),
                    "error_message": "The bank said no." if done == "canceled" else None,
                    "member": {"id": member.id, "user": user_inside(member, business)},
                    "metadata": None,
                    "payment_method": (
                        {
                            "id": business.ids["payment_methods"].encode(method.number),
                            "card": card if method.kind == "card" else None,
                            "created_at": iso(method.created_at),
                            "mailing_address": who.address if bits % 8 == 0 else None,
                            "payment_method_type": method.kind,
                        }
                        if done == "succeeded"
                        else None
                    ),
                    "status": done,
                    "three_ds_verified": bits % 8 == 0,
                },
            )


def fees(payment: Row, business: Seller) -> list[Row]:
    """What Whop and its providers keep of a payment; none of these has an id."""
    if payment["status"] != "paid" or not is_amount(payment["total"]) or not payment["total"]:
        return []
    currency = payment["currency"]
    settled = payment.get("settlement_currency") or currency
    day = ms_of(payment["created_at"]) // DAY
    minor = round(payment["total"] * scale_of(currency))
    found = [
        {
            "amount": amount / scale_of(settled),
            "currency": settled,
            "name": _FEE_NAMES[kind],
            "type": kind,
        }
        for kind, amount in fees_of(minor, currency, settled, day)
    ]
    if payment["dispute_alerted_at"]:
        found.append({"amount": 15.0, "currency": "usd", "name": "Dispute", "type": "dispute_fee"})
    return found


_FEE_NAMES = {
    "payment_processing_percentage_fee": "Payment processing",
    "payment_processing_fixed_fee": "Payment processing, per charge",
    "fx_percentage_fee": "Currency conversion",
}
