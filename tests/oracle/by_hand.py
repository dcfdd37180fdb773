"""A few rows by hand, and the marts the oracle makes of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from oracle.basics import Marts, Row, Settings
from oracle.cases.story import moment
from oracle.oracle import compute

__all__ = ("day", "marts_of", "membership", "moment", "moves", "paid", "plan", "row_of")


def day(text: str) -> date:
    return date.fromisoformat(text)


def plan(plan_id: str = "plan_a", days: int | None = 30, price: str = "30", **row: Any) -> Row:
    return {
        "id": plan_id,
        "plan_type": "renewal" if days else "one_time",
        "billing_period": days,
        "renewal_price": Decimal(price),
        "currency": "usd",
        **row,
    }


def membership(membership_id: str = "mem_a", status: str = "expired", **row: Any) -> Row:
    return {"id": membership_id, "status": status, "plan__id": "plan_a", **row}


def paid(at: str, total: str = "30", in_: str = "mem_a", by: str = "ann", **row: Any) -> Row:
    return {
        "id": f"pay_{in_}_{at}",
        "status": "paid",
        "currency": "usd",
        "total": Decimal(total),
        "created_at": moment(at),
        "paid_at": moment(at),
        "membership__id": in_,
        "member__id": by,
        "plan__id": "plan_a",
        **row,
    }


def marts_of(
    *payments: Row,
    memberships: tuple[Row, ...] | None = None,
    plans: tuple[Row, ...] = (),
    as_of: str = "2024-06-30",
    settings: Settings | None = None,
    **tables: tuple[Row, ...],
) -> Marts:
    """The marts of a company of one membership and one plan, where no others are given."""
    given = {
        "payments": payments,
        "memberships": (membership(),) if memberships is None else memberships,
        "plans": plans or (plan(),),
        "companies": ({"id": "biz"},),
        **tables,
    }
    dataset = {
        name: [{"company_id": "biz", "_whop_synced_at": moment(as_of), **row} for row in rows]
        for name, rows in given.items()
    }
    return compute(dataset, settings)


def row_of(rows: list[Row], **key: Any) -> Row:
    """The one row with these values."""
    found = [row for row in rows if all(row[name] == value for name, value in key.items())]
    assert len(found) == 1, f"{len(found)} rows with {key}"
    return found[0]


def moves(marts: Marts) -> list[tuple[str, str, int]]:
    return [
        (f"{row['movement_date']:%m-%d}", row["movement_type"], int(row["mrr_change_usd"]))
        for row in marts["mrr_movements"]
    ]
