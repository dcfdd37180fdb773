"""Fields of the Current surface that are more than a rename, made from a row of Legacy."""

from __future__ import annotations

from typing import Any

from .people import person
from .seller import Seller
from .units import DAY, Row, iso, key_of, parse_ms, scale_of

_DISPLAYED = {"jpy": 0}
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


def at(row: Row, path: str) -> Any:
    """What is at `a.b` in a row; None where there is nothing."""
    value: Any = row
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def number(value: Any) -> Any:
    """A count the way Current writes it."""
    return value


def money(value: float | None, currency: str) -> Row | None:
    """An amount in major units as Money; the decimals are the currency's."""
    if value is None:
        return None
    decimals = len(str(scale_of(currency))) - 1
    return {
        "amount": f"{value:.{decimals}f}",
        "currency": currency,
        "decimals": decimals,
        "display_decimals": _DISPLAYED.get(currency, min(decimals, 2)),
    }


def summary(user: Row | None) -> Row | None:
    """Somebody without an e-mail address."""
    if not user:
        return None
    return {
        "id": user["id"],
        "name": user.get("name"),
        "profile_picture": {"url": _picture(user.get("username"))},
        "username": user.get("username"),
    }


def _picture(username: object) -> str:
    return f"https://assets.whop.invalid/{username}.png"


def logo(business: Seller) -> str:
    """Where the company's logo is."""
    return f"https://assets.whop.invalid/{business.company['route']}.png"


def moment(name: str, row: Row) -> Any:
    """A time that Legacy writes in Unix seconds."""
    value = row[name]
    return iso(int(value * 1000)) if isinstance(value, (int, float)) else value


def _found(business: Seller, table: str, key: object) -> Any:
    return business.tables[table].find(key) if isinstance(key, str) else None


def _secret(row: Row, business: Seller, what: str) -> str:
    return f"{key_of(business.key, what, row.get('id')):x}"


def display_name(row: Row, business: Seller) -> str:
    """What a member is called."""
    return str(at(row, "user.name") or at(row, "user.username") or "Deleted user")


def product(row: Row, business: Seller) -> Row:
    """What a product shows beyond Legacy's fields."""
    plans = [
        plan.row
        for plan in business.tables["plans"].having("product_id", row["id"])
        if plan.row.get("visibility") == "visible"
    ]
    first = plans[0] if plans else None
    return {
        "average_review_rating": 4.5,
        "default_plan": first
        and {
            "id": first["id"],
            "billing_period": first.get("billing_period"),
            "expiration_days": first.get("expiration_days"),
            "initial_price": money(first.get("initial_price") or 0, first["currency"]),
            "plan_type": first.get("plan_type"),
            "renewal_price": money(first.get("renewal_price") or 0, first["currency"]),
            "title": first.get("title"),
            "unlimited_stock": bool(first.get("unlimited_stock")),
            "visibility": first.get("visibility"),
        },
        "gallery_images": [
            {**image, "content_type": "image/png"} for image in row.get("gallery_images") or []
        ],
        "labels": row.get("_labels") or [],
        "marketplace_status": "live_marketplace",
        "variant_attributes": None,
        "variants": None,
    }


def plan(row: Row, business: Seller) -> Row:
    """What a plan, now a variant, shows beyond Legacy's fields."""
    currency = row.get("currency") or "usd"
    initial, renewal = row.get("initial_price") or 0, row.get("renewal_price") or 0
    trial = row.get("trial_period_days")
    return {
        "attributes": row.get("_attributes"),
        "cancel_discount_intervals": row.get("_cancel_discount_intervals"),
        "cancel_discount_percentage": row.get("_cancel_discount_percentage"),
        "checkout_styling": None,
        "deletable": False,
        "effective_payment_method_configuration": payment_configuration(row, business),
        "formatted_price": f"{renewal or initial:,.2f} {currency.upper()}",
        "image": None,
        "initial_price_due": money(initial + (0 if trial else renewal), currency),
        "offer_cancel_discount": row.get("_offer_cancel_discount", False),
        "sku": row.get("_sku"),
        "strike_through_initial_price": row.get("_strike_through_initial_price"),
        "strike_through_renewal_price": row.get("_strike_through_renewal_price"),
    }


def payment_configuration(row: Row, business: Seller) -> Row:
    """Which ways to pay there are in the end."""
    own: Row | None = row.get("payment_method_configuration")
    return own or {"disabled": [], "enabled": [], "include_platform_defaults": True}


def amount_off(row: Row) -> Any:
    """A percentage is a fraction on Current."""
    amount = row["amount_off"]
    if row.get("promo_type") != "percentage" or amount is None:
        return amount
    return round(amount / 100, 6)


def membership(row: Row, business: Seller) -> Row:
    """What a membership shows beyond Legacy's fields: prices, period, and what comes next."""
    plan_item = _found(business, "plans", at(row, "plan.id"))
    price: Row = {} if plan_item is None else plan_item.row
    currency = price.get("currency") or row.get("currency") or "usd"
    holder = _found(business, "members", at(row, "member.id"))
    canceling = bool(row.get("cancel_at_period_end")) or row["status"] == "canceling"
    renewal = None
    if price.get("plan_type") == "renewal":
        renewal = _discounted(price.get("renewal_price") or 0, row, business)
    done = row["status"] == "completed"
    shown = row.get("product")
    return {
        "affiliate": None,
        "billing_period_days": price.get("billing_period"),
        "cancel_at_period_end": canceling,
        "collection_method": "charge_automatically",
        "expires_at": row.get("renewal_period_end") if done else None,
        "feedback_option": None,
        "initial_price": money(price.get("initial_price") or 0, currency),
        "member": holder
        and {
            "access_level": holder.access_level,
            "last_accessed_at": None if holder.updated_at is None else iso(holder.updated_at),
            "position": None,
        },
        "phone_number": None if holder is None else _phone(holder, business),
        "product": shown
        and {"id": shown.get("id"), "logo_url": None, "title": shown.get("title")}
        | {name: shown[name] for name in shown if name not in ("id", "title", "metadata")},
        "renewal_price": money(renewal, currency),
        "split_pay_current_payments": None,
        "split_pay_required_payments": None,
        **_next_action(row, canceling),
    }


def _discounted(price: float, row: Row, business: Seller) -> float:
    code = _found(business, "promo_codes", at(row, "promo_code.id"))
    off = None if code is None else code.row.get("amount_off")
    if code is None or off is None:
        return price
    if code.row.get("promo_type") == "percentage":
        return max(0.0, price * (100 - float(off)) / 100)
    return max(0.0, price - float(off))


def _phone(holder: Any, business: Seller) -> Any:
    """Of a member, whether made by hand or not."""
    by_hand = getattr(holder, "row", None)
    if by_hand is not None:
        return by_hand.get("phone")
    return None if holder.deleted else person(business.key, holder.number).phone


_ACTIONS = {
    "past_due": ("past_due", "renewal_period_end"),
    "trialing": ("trial_ends_at", "renewal_period_end"),
    "active": ("renewing_on", "renewal_period_end"),
    "canceled": ("canceled_on", "canceled_at"),
    "expired": ("ending_on", "renewal_period_end"),
    "unresolved": ("unresolved_at", "updated_at"),
}


def _next_action(row: Row, canceling: bool) -> Row:
    status = "active" if row["status"] == "canceling" else row["status"]
    action, when = _ACTIONS.get(status, (None, ""))
    if row.get("payment_collection_paused"):
        action, when = "paused_at", "updated_at"
    elif canceling and status == "active":
        action = "canceling_on"
    elif canceling and status == "trialing":
        action = "trial_canceling_on"
    return {"most_recent_action": action, "most_recent_action_at": row.get(when)}


def payment(row: Row, business: Seller) -> Row:
    """A payment's amounts as Money in the currency it settles in, and ids for what it names."""
    presented = row.get("currency") or "usd"
    settled = row.get("settlement_currency") or presented
    rate = row.get("settlement_exchange_rate") or 1.0

    def here(name: str) -> Row | None:
        amount = row.get(name)
        if amount is not None and settled != presented:
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
        "holds": [],
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
        "tax_refunded_amount": here("tax_refunded_amount") or money(0, settled),
        "three_ds_verified": bool(row.get("three_ds_verified")),
        "total": here("total"),
        "usd_total": money(row.get("usd_total"), "usd"),
        "user": summary(user),
        "verification_checks": None,
    }


def _decline(failure: str | None) -> str | None:
    if not failure:
        return None
    found = (code for text, code in _DECLINES.items() if text in failure)
    return next(found, "generic_decline")


def instrument(kind: str | None, card: Row | None, charged: tuple[Any, Any]) -> Row | None:
    """How a way to pay is displayed, icons included: sixteen addresses a row."""
    if kind is None:
        return None
    brand, last4 = charged if charged[1] is not None else (at(card or {}, "brand"), None)
    last4 = last4 or at(card or {}, "last4")
    shown = kind == "card" and (last4 is not None or card is not None)
    return {
        "card": {
            "brand": brand,
            "exp_month": at(card or {}, "exp_month"),
            "exp_year": at(card or {}, "exp_year"),
            "issuer_identification_number": "424242",
            "last4": last4,
        }
        if shown
        else None,
        "display_name": f"{brand} {last4}" if shown else kind,
        "icons": _icons(kind),
        "installment_count": None,
        "payment_method_type": kind,
    }


def _icons(kind: str) -> Row:
    files = {
        name: f"https://assets.whop.invalid/{kind}/{name}"
        for name in ("png_1x", "png_2x", "png_4x", "svg")
    }
    return {shape: {"dark": files, "light": files} for shape in ("card", "square")}


def client_secret(row: Row, business: Seller) -> str | None:
    """What lets a browser go on with an open payment."""
    if row.get("status") != "open":
        return None
    return f"{row['id']}_secret_{_secret(row, business, 'client')}"


def recovery_url(row: Row, business: Seller) -> str | None:
    """Where whoever has the address can pay an open payment."""
    if row.get("status") != "open":
        return None
    return f"https://whop.invalid/recover/{_secret(row, business, 'recovery')}"


def settlement_time(row: Row, business: Seller) -> str | None:
    """When a paid payment becomes available."""
    if row.get("paid_at") is None:
        return None
    return iso((parse_ms(row["paid_at"]) // DAY + 2) * DAY)


def payment_method(row: Row, business: Seller) -> Row:
    """A payment method: Legacy's row with icons, and more about cards."""
    kind = row.get("payment_method_type") or "unknown"
    found: Row = {"icons": _icons(kind)}
    if isinstance(row.get("card"), dict):
        item = _found(business, "payment_methods", row["id"])
        card = row["card"]
        month, year = card.get("exp_month") or 1, card.get("exp_year") or 9999
        year += 2000 if year < 100 else 0
        today = iso(business.clock_ms)[:7]
        found["card"] = {
            **card,
            "expired": getattr(item, "_expired", None) or f"{year:04}-{month:02}" < today,
            "fingerprint": f"{key_of('card', card.get('brand'), card.get('last4')):x}"[:16],
            "funding_type": getattr(item, "funding", None),
            "three_ds_verified": False,
        }
        found["has_payer_document"] = False
    return found


def default_api_key(row: Row, business: Seller) -> Row:
    """A secret beside the one that Legacy has."""
    secret = _secret(row, business, "default key")
    return {
        "id": f"apik_{secret[:14]}",
        "name": "Default",
        "obfuscated_secret_key": f"apik_…{secret[-4:]}",
        "secret_key": f"apik_{secret}",
    }


def preview_token(row: Row, business: Seller) -> str:
    """What lets whoever has it see an app before it is published."""
    return f"prev_{_secret(row, business, 'preview')}"


def app(row: Row, business: Seller) -> Row:
    """An app's build, with where its source is."""
    build = row.get("production_web_build")
    return {"production_web_build": build and {**build, "source_url": None}}


def user(row: Row, business: Seller) -> Row:
    """A public profile beyond Legacy's fields."""
    return {
        "balances": [],
        "banner": None,
        "cards": None,
        "email": None,
        "level": None,
        "social_links": [],
        "total_usd": None,
        "trading": None,
        "verification": row.get("verification") or {},
        "whop_partner_onboarded_accounts_count": None,
        "whop_partner_verified_at": None,
    }


def file(row: Row, business: Seller) -> Row:
    """A file with its size as a number."""
    size = row.get("size")
    empty = dict.fromkeys(
        (
            "blurhash",
            "duration_seconds",
            "height",
            "multipart_chunk_size",
            "multipart_upload_id",
            "multipart_upload_urls",
            "waveform_url",
            "width",
        )
    )
    return {
        **empty,
        "created_at": row.get("_created_at") or iso(business.clock_ms),
        "object": "file",
        "removed_by_moderation": False,
        "size": None if size is None else int(size),
        "upload_headers": row.get("upload_headers"),
        "upload_url": row.get("upload_url"),
    }


def _settled(row: Row, business: Seller) -> tuple[str, float]:
    """The currency the payment of a row settles in, and the rate from its own."""
    item = _found(business, "payments", at(row, "payment.id"))
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
    item = _found(business, "payments", at(row, "payment.id"))
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
    item = _found(business, "payments", at(row, "payment.id"))
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
    named = _found(business, "products", row.get("_product_id"))
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
    secret = f"{row['id']}_secret_{_secret(row, business, 'setup')}" if under_way else None
    return {
        "checkout_configuration_id": at(row, "checkout_configuration.id"),
        "client_secret": secret,
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


def tracking_url(row: Row, business: Seller) -> str:
    """Where a parcel can be followed."""
    return f"https://track.invalid/{row.get('tracking_code')}"


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


def team_member(row: Row, business: Seller) -> Row:
    """Somebody of the staff as `/team_members` shows them."""
    created = row.get("_created_at") or iso(business.start_ms)
    return {
        "id": row["id"],
        "account_id": business.company["id"],
        "authorized_role": None,
        "created_at": created,
        "direct_reports_count": 0,
        "email": at(row, "user.email"),
        "is_agent": False,
        "reports_to_id": None,
        "role": row["role"],
        "status": "joined",
        "updated_at": row.get("_updated_at") or created,
        "user": summary(row.get("user")),
    }


def invite(place: int, business: Seller) -> Row:
    """Somebody who was asked to join the staff and has not said yes."""
    created = iso(business.end_ms - (3 + 11 * place) * DAY)
    return {
        "id": business.ids["team_members"].encode(INVITES + place),
        "account_id": business.company["id"],
        "authorized_role": None,
        "created_at": created,
        "direct_reports_count": None,
        "email": f"invited.{place}@mail.example",
        "is_agent": False,
        "reports_to_id": None,
        "role": "support",
        "status": "pending",
        "updated_at": created,
        "user": None,
    }


INVITES = 1 << 42
"""Invites are numbered beyond the staff."""
