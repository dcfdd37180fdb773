"""The few things a key can change: plans, promo codes, files and access tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .business import Business
from .endpoints import words
from .refusal import Refused
from .units import HOUR, Row, iso, key_of, parse_ms
from .uploads import SIGNED_HEADER, signature


@dataclass(frozen=True)
class Write:
    """One change: the fields of its body, what it takes, and how it is done."""

    perform: Callable[[Business, str, Row], Any]
    fields: tuple[str, ...] = ()
    permission: str | None = None


_ALLOWED = {
    "currency": words("usd eur gbp jpy aud cad sgd"),
    "visibility": words("visible hidden archived quick_link"),
    "override_tax_type": words("inclusive exclusive unspecified"),
}


def _update_plan(business: Business, key: str, body: Row) -> Row:
    for name, allowed in _ALLOWED.items():
        if name in body and body[name] not in allowed:
            raise Refused(400, f"Invalid value for {name}: {body[name]}")
    row = business.row("plans", key)
    if "override_tax_type" in body:
        row["tax_type"] = body["override_tax_type"]
    # What a plan can be given but does not show (a strike-through price) is accepted and gone.
    row.update({name: value for name, value in body.items() if name in row})
    row["updated_at"] = iso(business.clock_ms)
    business.put("plans", row)
    return row


def _archive_promo_code(business: Business, key: str, _: Row) -> bool:
    item = business.tables["promo_codes"].find(key)
    assert item is not None
    business.put("promo_codes", {**item.row, "status": "archived"})
    return True


def _create_file(business: Business, _: str, body: Row) -> Row:
    if not isinstance(body.get("filename"), str):
        raise Refused(400, "Missing required parameter: filename")
    files = business.ids["files"]
    file_id = files.encode(len(business.tables["files"].rows()))
    row = {
        "id": file_id,
        "content_type": None,
        "filename": body["filename"],
        "size": None,
        "upload_status": "pending",
        "url": None,
        "visibility": body.get("visibility") or "public",
    }
    business.put("files", row)
    signed = signature(business, file_id)
    return {
        **row,
        "upload_headers": {SIGNED_HEADER: signed},
        "upload_url": f"{business.uploads_url}/{file_id}?X-Amz-Signature={signed}",
    }


def _create_token(business: Business, _: str, body: Row) -> Row:
    if (body.get("user_id") is None) is (body.get("company_id") is None):
        raise Refused(400, "Provide exactly one of user_id and company_id.")
    now = business.clock_ms
    expires = now + HOUR
    if body.get("expires_at") is not None:
        try:
            expires = parse_ms(body["expires_at"])
        except (TypeError, ValueError):
            raise Refused(400, f"Invalid timestamp for expires_at: {body['expires_at']}") from None
        if not now < expires <= now + 3 * HOUR:
            raise Refused(400, "expires_at must lie ahead, at most 3 hours.")
    secret = key_of(business.key, "token", now, body.get("user_id"), body.get("company_id"))
    return {"token": f"whop_at_{secret:x}", "expires_at": iso(expires)}


WRITES = {
    ("PATCH", "plans", True): Write(
        _update_plan,
        words(
            """adaptive_pricing_enabled billing_period checkout_styling currency custom_fields
            description expiration_days image initial_price internal_notes
            legacy_payment_method_controls metadata offer_cancel_discount override_tax_type
            payment_method_configuration renewal_price stock strike_through_initial_price
            strike_through_renewal_price three_ds_level title trial_period_days unlimited_stock
            visibility"""
        ),
        "plan:update",
    ),
    ("DELETE", "promo_codes", True): Write(_archive_promo_code, permission="promo_code:delete"),
    ("POST", "files", False): Write(_create_file, words("filename visibility")),
    ("POST", "access_tokens", False): Write(
        _create_token, words("user_id company_id expires_at scoped_actions")
    ),
}
