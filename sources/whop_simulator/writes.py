"""The few things a key can change: plans, promo codes, files and access tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .business import Business
from .endpoint import words
from .refusal import Refused
from .surfaces import Surface
from .units import HOUR, Row, iso, key_of, parse_ms
from .uploads import SIGNED_HEADER, signature


@dataclass(frozen=True)
class Write:
    """One change: the fields of its body, what it takes, and how it is done."""

    perform: Callable[[Business, str, Row], Any]
    table: str
    fields: tuple[str, ...] = ()
    permission: str | None = None
    only: Surface | None = None
    """The one surface that has it, where not both do."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Fields of Legacy's body that Current calls otherwise."""
    added: tuple[str, ...] = ()
    """Fields of the body that only Current has."""
    says: Callable[[str], Any] | None = None
    """What Current answers, where it is not the row."""

    @property
    def surfaces(self) -> tuple[Surface, ...]:
        """The surfaces that have it."""
        return ("legacy", "current") if self.only is None else (self.only,)

    def known(self, surface: Surface) -> tuple[str, ...]:
        """The fields that its body may have."""
        if surface == "legacy":
            return self.fields
        return tuple(self.renamed.get(name, name) for name in (*self.fields, *self.added))


_ALLOWED = {
    "currency": words("usd eur gbp jpy aud cad sgd"),
    "visibility": words("visible hidden archived quick_link"),
    "override_tax_type": words("inclusive exclusive unspecified"),
}


def _update_plan(business: Business, key: str, body: Row) -> Row:
    for name, allowed in _ALLOWED.items():
        if name in body and body[name] not in allowed:
            raise Refused(400, f"Invalid value for {name}: {body[name]}")
    row = business.stored("plans", key)
    if "override_tax_type" in body:
        row["tax_type"] = body["override_tax_type"]
    # What Legacy's plan can be given but does not show (a strike-through price) is for Current.
    row.update({name if name in row else f"_{name}": value for name, value in body.items()})
    row["updated_at"] = iso(business.clock_ms)
    business.put("plans", row)
    return business.row("plans", key)


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
        "_created_at": iso(business.clock_ms),
    }
    business.put("files", row)
    signed = signature(business, file_id)
    return {
        **row,
        "upload_headers": {SIGNED_HEADER: signed},
        "upload_url": f"{business.uploads_url}/{file_id}?X-Amz-Signature={signed}",
    }


def _complete_file(business: Business, key: str, _: Row) -> Row:
    return business.row("files", key)


def _create_token(business: Business, _: str, body: Row) -> Row:
    company = body.get("company_id") or body.get("account_id")
    if (body.get("user_id") is None) is (company is None):
        raise Refused(400, "Provide exactly one of user_id and the company's id.")
    now = business.clock_ms
    expires = now + HOUR
    if body.get("expires_at") is not None:
        try:
            expires = parse_ms(body["expires_at"])
        except (TypeError, ValueError):
            raise Refused(400, f"Invalid timestamp for expires_at: {body['expires_at']}") from None
        if not now < expires <= now + 3 * HOUR:
            raise Refused(400, "expires_at must lie ahead, at most 3 hours.")
    secret = key_of(business.key, "token", now, body.get("user_id"), company)
    return {"token": f"whop_at_{secret:x}", "expires_at": iso(expires)}


_PLAN: dict[str, Any] = {
    "perform": _update_plan,
    "table": "plans",
    "fields": words(
        """adaptive_pricing_enabled billing_period checkout_styling currency custom_fields
        description expiration_days image initial_price internal_notes
        legacy_payment_method_controls metadata offer_cancel_discount override_tax_type
        payment_method_configuration renewal_price stock strike_through_initial_price
        strike_through_renewal_price three_ds_level title trial_period_days unlimited_stock
        visibility"""
    ),
    "added": words(
        "attributes cancel_discount_intervals cancel_discount_percentage release_method sku"
    ),
    "permission": "plan:update",
}
WRITES = {
    ("PATCH", "plans", True): Write(**_PLAN),
    ("PATCH", "variants", True): Write(**_PLAN, only="current"),
    ("DELETE", "promo_codes", True): Write(
        _archive_promo_code,
        "promo_codes",
        permission="promo_code:delete",
        says=lambda key: {"id": key, "deleted": True},
    ),
    ("POST", "files", False): Write(
        _create_file, "files", words("filename visibility"), added=("byte_size", "multipart")
    ),
    ("POST", "files/complete", True): Write(_complete_file, "files", only="current"),
    ("POST", "access_tokens", False): Write(
        _create_token,
        "access_tokens",
        words("user_id company_id expires_at scoped_actions"),
        renamed={"company_id": "account_id"},
    ),
}
