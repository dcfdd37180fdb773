"""What a row of Whop's must look like in the warehouse: written apart from the source's own code.

Only the names and types of the documented columns are taken from `resources.py`.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

from whop_source.resources import BY_NAME

Row = dict[str, Any]

ENDED = frozenset({"canceled", "expired"})
"""Statuses in which a membership is over; in any other it is live."""
OPEN = frozenset({"draft", "open", "pending", "unresolved"})
"""Statuses of a payment that are not final."""

SECRETS = {"apps": ("api_key", "secrets", "default_api_key", "preview_token")}

OWN_COLUMNS = {
    "company_id": "text",
    "_whop_synced_at": "timestamp",
    "_whop_deleted_at": "timestamp",
    "_whop_extra": "json",
    "_dlt_load_id": "text",
    "_dlt_id": "text",
}

EMBEDDED: Mapping[str, tuple[str, ...]] = {
    "payments": (
        "membership__status",
        "membership__phone_number",
        "member__phone",
        "user__",
        "plan__internal_notes",
        "plan__metadata",
        "product__title",
        "product__route",
        "product__metadata",
        "promo_code__",
        "payment_method__",
        "company__",
        # Whether it may be voided follows from its membership's status.
        "voidable",
    ),
    "memberships": ("user__", "plan__metadata", "product__title", "product__metadata", "company__"),
    "members": ("user__", "phone", "company__"),
}
"""Columns (or how they begin) in which a row shows another object: as of the row's last read."""


CURRENT_LACKS: Mapping[str, tuple[str, ...]] = {
    "companies": ("affiliate_instructions", "featured_affiliate_product__", "member_count",
                  "published_reviews_count", "updated_at", "verified"),
    "promo_codes": ("company__",),
    "members": ("updated_at", "company__"),
    "memberships": ("checkout_configuration_id", "custom_field_responses", "joined_at",
                    "payment_collection_paused", "plan__metadata", "product__metadata",
                    "user__email", "user__name", "user__username"),
    "payments": ("application_fee__", "company__route", "company__title", "disputes",
                 "financing_transactions", "member__phone", "membership__phone_number",
                 "membership__status", "payment_method__card__", "payment_method__created_at",
                 "plan__internal_notes", "plan__metadata", "product__metadata", "product__route",
                 "product__title", "promo_code__amount_off", "promo_code__base_currency",
                 "promo_code__code", "promo_code__number_of_intervals", "promo_code__promo_type",
                 "refunds", "resolutions", "risk_signals", "settlement_exchange_rate"),
    "authorized_users": ("company__title",),
    "apps": ("stats__",),
}  # fmt: skip
"""Columns (or how they begin) that Whop's Current surface does not give."""

CURRENT_SAYS_OTHERWISE: Mapping[str, tuple[str, ...]] = {
    # Its amounts are in the currency a payment settles in.
    "payments": ("currency", "total", "subtotal", "tax_amount", "refunded_amount",
                 "amount_after_fees", "settlement_amount", "tax_refunded_amount",
                 # What of these is shown in a list is not the same.
                 "payment_method__payment_method_type", "three_ds_verified", "risk_score",
                 "financing_installments_count"),
    "memberships": ("metadata",),
    "companies": ("social_links",),
    "products": ("gallery_images",),
    "apps": ("base_url",),
    "members": ("company__",),
}  # fmt: skip
"""Columns that it fills with something else than Legacy for the same thing."""


def on_current(table: str, values: Row, given: Iterable[str]) -> Row:
    """The columns of a row that both surfaces fill alike; not those that a Legacy row has not."""
    apart = CURRENT_LACKS.get(table, ()) + CURRENT_SAYS_OTHERWISE.get(table, ())
    return {
        name: value
        for name, value in values.items()
        if name in given and not (apart and name.startswith(apart)) and name != "_whop_extra"
    }


def embedded(table: str, column: str) -> bool:
    """Whether the column shows another object."""
    return column.startswith(EMBEDDED.get(table, ()))


class Unfit(Exception):
    """The value is not of its column's type."""


def columns(table: str, row: Mapping[str, Any]) -> Row:
    """The documented columns of a row, and `_whop_extra`; None where it has nothing to say."""
    kinds = BY_NAME[table].columns
    parents = {name.rsplit("__", depth)[0] for name in kinds for depth in range(1, 4)} - set(kinds)
    values: Row = dict.fromkeys(kinds)
    extra: Row = {}

    def visit(record: Mapping[str, Any], prefix: str) -> None:
        for key, value in record.items():
            path = prefix + key
            if path in kinds:
                if value is None:
                    continue
                try:
                    values[path] = _convert(kinds[path], value)
                except Unfit:
                    extra[path] = value
            elif path in parents and (value is None or isinstance(value, dict)):
                visit(value or {}, f"{path}__")
            elif f"{path}__id" in kinds and isinstance(value, str) and "_" in value:
                values[f"{path}__id"] = value
            else:
                extra[path] = value

    secrets = SECRETS.get(table, ())
    visit({key: _clean(value) for key, value in row.items() if key not in secrets}, "")
    values["_whop_extra"] = extra or None
    return values


def _clean(value: Any) -> Any:
    """Without control characters, which no database, page or terminal wants."""
    if isinstance(value, str):
        return "".join(c for c in value if c in "\t\n\r" or unicodedata.category(c) != "Cc")
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value


def _convert(kind: str, value: Any) -> Any:
    match kind, value:
        case "json", _:
            return value
        case "text", str():
            return value
        case "text", bool() | int() | float():
            return json.dumps(value)
        case "bool", bool():
            return value
        case "bigint", int() if not isinstance(value, bool) and -(2**63) <= value < 2**63:
            return value
        case "bigint", float() if value.is_integer() and abs(value) < 2**63:
            return int(value)
        case "decimal", int() | float() | str() if not isinstance(value, bool):
            try:
                number = Decimal(str(value))
            except InvalidOperation:
                raise Unfit from None
            if not number.is_finite() or abs(number) >= Decimal(10) ** 29:
                raise Unfit
            return number.quantize(Decimal("1e-9"), ROUND_HALF_UP, Context(prec=60))
        case "timestamp", str():
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                raise Unfit from None
            return _in_time(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        case "timestamp", int() | float() if not isinstance(value, bool):
            return _in_time(datetime.fromtimestamp(value, UTC))
    raise Unfit


def _in_time(moment: datetime) -> datetime:
    """A moment that a Whop business can have."""
    if not 2010 <= moment.astimezone(UTC).year < 2200:
        raise Unfit
    return moment.astimezone(UTC)
