"""What there is around members and payments: refunds, disputes, invoices, leads, reviews and so on.

Every row follows from the lives of the members and the clock; none has a life of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import company
from .lives import Member, Payment
from .people import person
from .rows import Row, dispute_inside, user_inside
from .tables import PlainRow
from .units import DAY, HOUR, iso, iso_or_none, key_of, mix, scale_of

if TYPE_CHECKING:
    from .business import Business

PLACES = 16
"""Room for what follows from one payment."""
_STRANGERS = 1 << 41
"""People who never became members are numbered beyond members and staff."""
_FILES = 1 << 48
"""Files that came with reviews are numbered beyond those a key creates."""

_PROVIDERS = ("stripe", "adyen", "paypal")
_REFERRERS = ("https://x.invalid/post/1", "https://search.invalid/?q=signals", None)


def _payments(business: Business) -> Iterator[Payment]:
    for member in business.members:
        yield from member.payments


def _bits(business: Business, what: str, number: int) -> int:
    return mix(key_of(business.key, what), number)


# Money going back


def refund_number(item: Payment, position: int) -> int:
    """Number of one of a payment's refunds, the newest of which is at position 0."""
    return item.number * PLACES + len(item.refunds) - position


def refunds(business: Business) -> Iterator[tuple[int, Row]]:
    """A row per refund, and now and then one for an attempt that failed before it."""
    encode = business.ids["refunds"].encode
    for item in _payments(business):
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


def disputes(business: Business) -> Iterator[tuple[int, Row]]:
    """A row per disputed payment."""
    encode = business.ids["disputes"].encode
    for item in _payments(business):
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


def dispute_alerts(business: Business) -> Iterator[tuple[int, Row]]:
    """A warning ahead of half of the disputes; those that were only warnings have no dispute."""
    encode = business.ids["dispute_alerts"].encode
    for item in _payments(business):
        at = item.dispute_alerted_at
        bits = _bits(business, "alert", item.number)
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


def _payment_inside(row: Row, business: Business, *more: str) -> Row | None:
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


def whole_refund(row: Row, business: Business) -> Row:
    """The refund as an object: with the payment it takes back."""
    return {**row, "payment": _payment_inside(row, business, *_OF_REFUNDED)}


def whole_dispute(row: Row, business: Business) -> Row:
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


def whole_dispute_alert(row: Row, business: Business) -> Row:
    """The alert as an object: with its payment and its dispute."""
    dispute = row["dispute"] and business.row("disputes", row["dispute"]["id"])
    names = ("id", "amount", "created_at", "currency", "reason", "status")
    return {
        **row,
        "dispute": dispute and {name: dispute[name] for name in names},
        "payment": _payment_inside(row, business),
    }


# How customers come, and what they owe


def invoices(business: Business) -> Iterator[tuple[int, Row]]:
    """A row per charge made by hand, and for half of what was bought once."""
    statuses = {"paid": "paid", "void": "void", "uncollectible": "uncollectible", "draft": "draft"}
    for item in _payments(business):
        count = _bits(business, "invoice", item.number)
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
                "user": _public(business, item.member.number),
                "_product_id": business.ids["products"].encode(plan.product.number),
                "_collection_method": "send_invoice" if count // 2 % 4 else "charge_automatically",
            },
        )


def entries(business: Business) -> Iterator[tuple[int, Row]]:
    """Who asked to be let in on the plans that have a waiting list."""
    closed = [plan for plan in business.catalogue.plans if plan.visibility == "hidden"]
    for member in business.members if closed else ():
        bits = _bits(business, "entry", member.number)
        at = member.created_at + HOUR
        plan = closed[bits % len(closed)]
        if bits % 19 or at > business.clock_ms or at < plan.created_at:
            continue
        decided = at + (2 + bits // 19 % 12) * DAY <= business.clock_ms
        final = ("approved", "approved", "denied", "pending")[bits // 256 % 4]
        yield (
            member.number,
            {
                "id": business.ids["entries"].encode(member.number),
                "created_at": iso(at),
                "custom_field_responses": [
                    {"id": f"cfr_e{member.number}", "answer": "yes", "question": "Traded before?"}
                ],
                "plan": {"id": business.ids["plans"].encode(plan.number)},
                "product": {
                    "id": business.ids["products"].encode(plan.product.number),
                    "title": plan.product.title,
                },
                "status": final if decided else "pending",
                "user": _account(business, member.number),
            },
        )


def leads(business: Business) -> Iterator[tuple[int, Row]]:
    """Who looked: some members, and some who never bought."""
    for member in business.members:
        if _bits(business, "lead", member.number) % 9 == 0:
            yield _lead(business, member.number, member.created_at, member)
    for number, at in strangers(business):
        yield _lead(business, number, at, None)


def strangers(business: Business) -> Iterator[tuple[int, int]]:
    """Number and first visit of those who never became members: one for every three who do."""
    if business.size:
        step = (business.end_ms - business.start_ms) * 3 // business.size
        for count in range((business.clock_ms - business.start_ms) // max(1, step)):
            yield _STRANGERS + count, business.start_ms + count * step


def _lead(business: Business, number: int, at: int, member: Member | None) -> tuple[int, Row]:
    bits = _bits(business, "lead", number)
    products = [p for p in business.catalogue.products if p.created_at <= at]
    product = products[bits // 9 % len(products)] if products and bits & 1 << 40 else None
    contacted = at + 3 * DAY <= business.clock_ms and member is None
    return number, {
        "id": business.ids["leads"].encode(number),
        "created_at": iso(at),
        "member": None if member is None else {"id": member.id},
        "metadata": {"stage": "contacted"} if contacted else None,
        "product": (
            None
            if product is None
            else {
                "id": business.ids["products"].encode(product.number),
                "title": product.title,
            }
        ),
        "referrer": _REFERRERS[bits // 81 % len(_REFERRERS)],
        "updated_at": iso(at + 3 * DAY if contacted else at),
        "user": _account(business, number),
    }


def checkout_configurations(business: Business) -> Iterator[tuple[int, Row]]:
    """The five links that some first payments come from."""
    for number, plan in enumerate(business.catalogue.plans[:5]):
        if plan.created_at > business.clock_ms:
            continue
        scale = scale_of(plan.currency)
        link = business.ids["checkout_configurations"].encode(number)
        yield (
            number,
            {
                "id": link,
                "affiliate_code": "friend" if number == 1 else None,
                "company_id": business.company["id"],
                "created_at": iso(plan.created_at),
                "currency": None,
                "metadata": {"campaign": number} if number % 2 else None,
                "mode": "payment",
                "payment_method_configuration": (
                    {"disabled": [], "enabled": ["card"], "include_platform_defaults": False}
                    if number == 2
                    else None
                ),
                "plan": {
                    "id": business.ids["plans"].encode(plan.number),
                    "adaptive_pricing_enabled": plan.currency == "usd",
                    "billing_period": plan.days,
                    "currency": plan.currency,
                    "expiration_days": plan.expiration_days,
                    "initial_price": plan.initial / scale,
                    "plan_type": "renewal" if plan.recurring else "one_time",
                    "release_method": "buy_now",
                    "renewal_price": plan.renewal / scale,
                    "three_ds_level": None,
                    "trial_period_days": plan.trial_days,
                    "visibility": plan.visibility,
                },
                "purchase_url": f"https://whop.invalid/checkout/{link}",
                "redirect_url": "https://room.invalid/thanks" if number else None,
                "three_ds_level": None,
                "updated_at": iso(plan.created_at),
            },
        )


def setup_intents(business: Business) -> Iterator[tuple[int, Row]]:
    """How some payment methods were saved without a charge."""
    for member in business.members:
        for method in member.methods:
            bits = _bits(business, "setup", method.number)
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


def affiliates(business: Business) -> Iterator[tuple[int, Row]]:
    """Members who bring others; their totals grow with time."""
    for member in business.members:
        bits = _bits(business, "affiliate", member.number)
        at = member.created_at + 20 * DAY
        if bits % 37 or at > business.clock_ms:
            continue
        weeks = (business.clock_ms - at) // (7 * DAY)
        referrals = weeks * (bits // 37 % 4)
        yield (
            member.number,
            {
                "id": business.ids["affiliates"].encode(member.number),
                "active_members_count": referrals // 2,
                "company": {"id": business.company["id"], "title": business.company["title"]},
                "created_at": iso(at),
                "customer_retention_rate": "50.0%" if referrals else "0.0%",
                "customer_retention_rate_ninety_days": "62.5%" if referrals else "0.0%",
                "monthly_recurring_revenue_usd": f"${referrals // 2 * 49:,}.00",
                "status": "active" if bits % 5 else "archived",
                "total_overrides_count": bits % 2,
                "total_referral_earnings_usd": f"${referrals * 14.7:,.2f}",
                "total_referrals_count": referrals,
                "total_revenue_usd": f"${referrals * 49:,}.00",
                "updated_at": iso(at + weeks * 7 * DAY),
                "user": _public(business, member.number),
            },
        )


# What customers get, and what they say


def experiences(business: Business) -> Iterator[tuple[int, Row]]:
    """What members open: one per product, run by one of the company's apps."""
    apps = company.apps(business.key, business.start_ms, business.end_ms, business.clock_ms)
    for item in business.catalogue.products if business.staffed and apps else ():
        app = apps[item.number % len(apps)]
        at = max(item.created_at, app.created_at) + HOUR
        if at > business.clock_ms:
            continue
        slug = app.name.lower().replace(" ", "-")
        product_id = business.ids["products"].encode(item.number)
        yield (
            item.number,
            {
                "id": business.ids["experiences"].encode(item.number),
                "app": {
                    "id": business.ids["apps"].encode(app.number),
                    "icon": {"url": f"https://assets.whop.invalid/{slug}.png"},
                    "name": app.name,
                },
                "company": business.company,
                "created_at": iso(at),
                "image": None,
                "is_public": item.number == 3,
                "name": f"{item.title} {app.name}",
                "order": f"a{item.number}",
                "products": [
                    {
                        "id": product_id,
                        "route": item.title.lower().replace(" ", "-"),
                        "title": item.title,
                    }
                ],
                "_product_id": product_id,
            },
        )


def shipments(business: Business) -> Iterator[tuple[int, Row]]:
    """Parcels that go with some one-time payments."""
    for item in _payments(business):
        bits = _bits(business, "parcel", item.number)
        if item.reason != "one_time" or item.paid_at is None or bits % 3:
            continue
        at = item.paid_at + DAY
        days = (business.clock_ms - at) / DAY
        if days < 0:
            continue
        status = "delivered" if days > 6 else "in_transit" if days > 1 else "pre_transit"
        yield (
            item.number,
            {
                "id": business.ids["shipments"].encode(item.number),
                "carrier": ("usps", "dhl_express", "royal_mail")[bits % 3],
                "created_at": iso(at),
                "delivery_estimate": iso(at + 6 * DAY),
                "payment": {"id": item.id},
                "service": "Priority" if bits % 2 else None,
                "status": status,
                "substatus": "label_created" if status == "pre_transit" else None,
                "tracking_code": f"TR{bits % 10**10:010}",
                "updated_at": iso(at + int(DAY * min(6.5, days // 1))),
                "_user_id": None if item.guest else item.member.user_id,
            },
        )


def _attachment(business: Business, number: int) -> Row:
    file_id = business.ids["files"].encode(_FILES + number)
    return {
        "id": file_id,
        "content_type": "image/png",
        "filename": f"screenshot-{number}.png",
        "url": f"https://cdn.whop.invalid/{file_id}",
    }


def reviews(business: Business) -> Iterator[tuple[int, Row]]:
    """What some members say of what they bought first."""
    for member in business.members:
        bits = _bits(business, "review", member.number)
        at = member.created_at + 10 * DAY
        if bits % 8 or at > business.clock_ms or not member.memberships:
            continue
        product = member.memberships[0].plan.product
        published = at + 2 * DAY
        seen = published <= business.clock_ms
        yield (
            member.number,
            {
                "id": business.ids["reviews"].encode(member.number),
                "attachments": [_attachment(business, member.number)] if bits % 32 == 0 else [],
                "company": business.company,
                "created_at": iso(at),
                "description": "Worth it. 👍" if bits % 16 else "",
                "joined_at": iso(member.created_at),
                "paid_for_product": member.spent > 0 if bits % 64 else None,
                "product": {
                    "id": business.ids["products"].encode(product.number),
                    "title": product.title,
                },
                "published_at": iso(published) if seen else None,
                "stars": (5, 5, 4, 5, 3, 1)[bits // 64 % 6],
                "status": ("removed" if bits // 512 % 29 == 0 else "published")
                if seen
                else "pending",
                "title": None if bits % 3 else "Good room",
                "updated_at": iso(published if seen else at),
                "user": _public(business, member.number),
            },
        )


def files(business: Business) -> Iterator[tuple[int, Row]]:
    """What was attached to reviews."""
    for number, review in reviews(business):
        for attachment in review["attachments"]:
            yield (
                _FILES + number,
                {
                    **attachment,
                    "size": str(20_000 + number),
                    "upload_status": "ready",
                    "visibility": "public",
                },
            )


def fees(payment: Row, business: Business) -> list[Row]:
    """What Whop and its providers keep of a payment; none of these has an id."""
    if payment["status"] != "paid" or not payment["total"]:
        return []
    currency = payment["currency"]
    digits = len(str(scale_of(currency))) - 1
    found = [
        {
            "amount": round(payment["total"] * 0.029, digits),
            "currency": currency,
            "name": "Payment processing",
            "type": "payment_processing_percentage_fee",
        }
    ]
    if digits == 2:
        found.append(
            {
                "amount": 0.3,
                "currency": currency,
                "name": "Payment processing, per charge",
                "type": "payment_processing_fixed_fee",
            }
        )
    if payment["dispute_alerted_at"]:
        found.append({"amount": 15.0, "currency": "usd", "name": "Dispute", "type": "dispute_fee"})
    return found


def _public(business: Business, number: int) -> Row:
    who = person(business.key, number)
    return {
        "id": business.ids["users"].encode(number),
        "name": who.name,
        "username": who.username,
    }


def _account(business: Business, number: int) -> Row:
    return {**_public(business, number), "email": person(business.key, number).email}


def table(rows: Any) -> Any:
    """A generator of finished rows, filtered and sorted by what they say."""

    def make(business: Business) -> list[PlainRow]:
        found = [PlainRow(row, number, business.clock_ms) for number, row in rows(business)]
        return sorted(found, key=lambda each: each.number)

    return make
