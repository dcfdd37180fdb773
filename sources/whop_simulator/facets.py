"""What a finished row offers the filters and orders of a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .lives import buckets
from .units import Row, ms_of


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


def _buckets(row: Row) -> tuple[str, ...]:
    status = str(row.get("status"))
    return buckets(
        status,
        bool(row.get("cancel_at_period_end")),
        bool(row.get("payment_collection_paused")),
        status != "completed",
        row.get("renewal_period_end") is not None,
        _at("user.id")(row) is not None,
    )


# Where a hand-made row has what a filter or an order asks for, when it is not simply that field:
# the first of several places that holds anything.
_PATHS: dict[str, tuple[str, ...]] = {
    "plan_id": ("plan.id",),
    "product_id": ("product.id",),
    "user_id": ("user.id", "_user_id"),
    "member_id": ("_member_id", "member.id"),
    "membership_id": ("membership.id",),
    "owner_id": ("owner_user.id",),
    "promo_code_id": ("promo_code.id",),
    "payment_id": ("payment.id",),
    "app_id": ("app.id",),
    "final_amount": ("total",),
    "total_spend": ("_total_spend",),
    "use": ("_use",),
    "view_type": ("_view_type",),
    "access_pass_type": ("_access_pass_type",),
}
_TIMES: dict[str, tuple[str, ...]] = {
    "created_at": ("created_at", "_created_at"),
    "updated_at": ("updated_at", "_updated_at"),
    "paid_at": ("paid_at",),
    "paid_or_created_at": ("paid_at", "created_at"),
    "canceled_at": ("canceled_at",),
    "joined_at": ("joined_at",),
    "action_at": ("most_recent_action_at",),
    "due_date": ("due_date",),
    "needs_response_by": ("needs_response_by",),
}
_MADE: dict[str, Callable[[Row], Any]] = {
    "is_free": lambda row: row.get("total") == 0,
    "mine": lambda row: not row.get("_theirs"),
    "buckets": _buckets,
}
_SEARCHED = ("id", "name", "username", "title", "headline")


def _time(value: Any) -> int | None:
    """Of a row made by hand: the docs call some times Unix timestamps; nonsense is no time."""
    try:
        return None if value is None else ms_of(value)
    except (TypeError, ValueError):
        return None


def facet(row: Row, name: str, now: int) -> Any:
    """What a hand-made row offers a filter or an order.

    Some of it is in no row of Whop's: a staff member's `created_at`, the owner of a payment
    method. A hand-made row may carry these with an underscore before the name; they are not served.
    """
    if name in _MADE:
        return _MADE[name](row)
    if name in ("plan_ids", "product_ids", "promo_code_ids"):
        inside = _at(f"{name[:-4]}.id" if name != "promo_code_ids" else "promo_code.id")(row)
        return tuple(row.get(f"_{name}", () if inside is None else (inside,)))
    if name in ("search", "search_public"):
        user = row.get("user") or row
        read = _SEARCHED if name == "search_public" else (*_SEARCHED, "email")
        inside = [str(user.get(word) or "") for word in read]
        return "\n".join([*inside, str(_at("membership.id")(row) or "")]).lower()
    if name in _TIMES:
        times = (_time(row.get(column)) for column in _TIMES[name])
        at = next((ms for ms in times if ms is not None), None)
        return now if at is None and name == "created_at" else at
    found = (_at(path)(row) for path in _PATHS.get(name, (name,)))
    value = next((each for each in found if each is not None), None)
    return tuple(value) if isinstance(value, list) else value
