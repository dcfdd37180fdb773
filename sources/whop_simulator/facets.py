"""What a finished row offers the filters and orders of a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .units import Row, parse_ms


def _at(path: str) -> Callable[[Row], Any]:
    steps = path.split(".")

    def follow(row: Row) -> Any:
        value: Any = row
        for step in steps:
            if not isinstance(value, dict):
                return None
            value = value.get(step)
        return value

    return follow


# Where a hand-made row has what a filter or an order asks for, when it is not simply that field.
_PATHS = {
    "plan_id": "plan.id",
    "product_id": "product.id",
    "user_id": "user.id",
    "promo_code_id": "promo_code.id",
    "final_amount": "total",
    "total_spend": "_total_spend",
    "use": "_use",
    "view_type": "_view_type",
    "access_pass_type": "_access_pass_type",
    "member_id": "_member_id",
    "payment_id": "payment.id",
    "app_id": "app.id",
}
_TIMES = frozenset(
    {"created_at", "updated_at", "paid_at", "canceled_at", "joined_at", "action_at", "due_date"}
)


def facet(row: Row, name: str, now: int) -> Any:
    """What a hand-made row offers a filter or an order.

    Some of it is in no row of Whop's: a staff member's `created_at`, the owner of a payment
    method. A hand-made row may carry these with an underscore before the name; they are not served.
    """
    if name == "is_free":
        return row.get("total") == 0
    if name in ("plan_ids", "product_ids", "promo_code_ids"):
        inside = _at(f"{name[:-4]}.id" if name != "promo_code_ids" else "promo_code.id")(row)
        return tuple(row.get(f"_{name}", () if inside is None else (inside,)))
    if name in ("search", "search_public"):
        user = row.get("user") or row
        words = ("id", "name", "username") if name == "search_public" else (
            "id", "name", "username", "email")  # fmt: skip
        inside = [str(user.get(word) or "") for word in words]
        return "\n".join([*inside, str(_at("membership.id")(row) or "")]).lower()
    if name in _TIMES:
        text = row.get("most_recent_action_at" if name == "action_at" else name)
        text = text or row.get(f"_{name}")
        if text is None:
            return now if name == "created_at" else None
        # The docs call some times Unix timestamps: a row made by hand may have one.
        return parse_ms(text) if isinstance(text, str) else int(text * 1000)
    value = _at(_PATHS.get(name, name))(row)
    return tuple(value) if isinstance(value, list) else value
