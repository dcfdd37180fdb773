"""What several tables of the Current surface write alike: Money, people, ways to pay."""

from __future__ import annotations

from typing import Any

from .seller import Seller
from .units import Row, is_amount, iso, key_of, scale_of

_DISPLAYED = {"jpy": 0}


def at(row: Row, path: str) -> Any:
    """What is at `a.b` in a row; None where there is nothing."""
    value: Any = row
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def money(value: Any, currency: str) -> Any:
    """An amount in major units as Money; the decimals are the currency's.

    What is no number stays what it is: rows made by hand may hold anything.
    """
    if not is_amount(value):
        return value
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


def found(business: Seller, table: str, key: object) -> Any:
    """The item of a table with that id, if there is one."""
    return business.tables[table].find(key) if isinstance(key, str) else None


def secret(row: Row, business: Seller, what: str) -> str:
    """Something that opens a door, the same for the same row."""
    return f"{key_of(business.key, what, row.get('id')):x}"


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
        "icons": icons(kind),
        "installment_count": None,
        "payment_method_type": kind,
    }


def icons(kind: str) -> Row:
    """Addresses of the pictures of a way to pay."""
    files = {
        name: f"https://assets.whop.invalid/{kind}/{name}"
        for name in ("png_1x", "png_2x", "png_4x", "svg")
    }
    return {shape: {"dark": files, "light": files} for shape in ("card", "square")}
