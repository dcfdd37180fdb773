"""Fields of the Current surface that are more than a rename, made from a row of Legacy."""

from __future__ import annotations

from typing import Any

from .current_parts import at, found, money, secret, summary
from .people import person
from .seller import Seller
from .units import DAY, Row, iso, scale_of


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
    plan_item = found(business, "plans", at(row, "plan.id"))
    price: Row = {} if plan_item is None else plan_item.row
    currency = price.get("currency") or row.get("currency") or "usd"
    holder = found(business, "members", at(row, "member.id"))
    canceling = bool(row.get("cancel_at_period_end")) or row["status"] == "canceling"
    renewal = None
    if price.get("plan_type") == "renewal":
        # A member keeps the price of the day of purchase; a row made by hand has its plan's.
        own = getattr(found(business, "memberships", row["id"]), "renewal", None)
        cost = (price.get("renewal_price") or 0) if own is None else own / scale_of(currency)
        renewal = _discounted(cost, row, business)
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
        "split_pay_required_payments": price.get("split_pay_required_payments"),
        **_next_action(row, canceling),
    }


def _discounted(price: float, row: Row, business: Seller) -> float:
    code = found(business, "promo_codes", at(row, "promo_code.id"))
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


def default_api_key(row: Row, business: Seller) -> Row:
    """A secret beside the one that Legacy has."""
    key = secret(row, business, "default key")
    return {
        "id": f"apik_{key[:14]}",
        "name": "Default",
        "obfuscated_secret_key": f"apik_…{key[-4:]}",
        "secret_key": f"apik_{key}",
    }


def preview_token(row: Row, business: Seller) -> str:
    """What lets whoever has it see an app before it is published."""
    return f"prev_{secret(row, business, 'preview')}"


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


def tracking_url(row: Row, business: Seller) -> str:
    """Where a parcel can be followed."""
    return f"https://track.invalid/{row.get('tracking_code')}"


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
