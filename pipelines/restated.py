"""Says in words which closed months have moved, by how much, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from .errors import NothingThere
from .figures import MINUS, counted, month_written, usd
from .names import MARTS
from .reading import Warehouse

MONTHS_TOLD = 3
"""Months that have sentences of their own, the newest; of the others one counts them."""

METRICS = {"mrr_end_usd": "MRR", "net_usd": "Net revenue"}
"""What is told of in words; all else that moved is in the mart."""

CAUSES = {
    "late_payment": "paid late",
    "refund": "refunded",
    "chargeback": "charged back",
    "canceled": "canceled",
    "row_deleted": "gone at Whop",
    "row_arrived_late": "told by Whop later",
    "plan_edited": "another plan than was known",
    "rules_changed": "counted by new rules",
    "settings_changed": "counted by new settings",
}
"""Each cause, as a person would say it."""


@dataclass(frozen=True)
class Restated:
    """A number of a closed month that has moved.

    Attributes:
        month: its first day.
        metric: which number, as the mart names it.
        reported_at: when it was first told of, as of when its numbers were true; UTC.
        was: what it said before the move.
        now: what it says now.
        causes: cause, what it adds, and because of which memberships: their number, or the one
            by its id; the largest first. They add up to the move.
    """

    month: date
    metric: str
    reported_at: datetime
    was: Decimal
    now: Decimal
    causes: tuple[tuple[str, Decimal, str], ...]

    @property
    def change(self) -> Decimal:
        """What it moved by."""
        return self.now - self.was

    @property
    def name(self) -> str:
        """What the number is called."""
        return METRICS.get(self.metric, self.metric)

    @property
    def why(self) -> str:
        """Its causes in words, each with its amount: refunded -$25.00 (mem_1); …."""
        return "; ".join(
            f"{CAUSES.get(cause, cause)} {signed(change)} ({whose})"
            for cause, change, whose in self.causes
        )

    @property
    def sentence(self) -> str:
        """It in words, such as: MRR of December 2025 was $30.00 and is $25.00 now (5 less): …."""
        return (
            f"{self.name} of {month_written(self.month)} was {usd(self.was)} "
            f"and is {usd(self.now)} now ({signed(self.change)})"
            + (f": {self.why}." if self.why else ".")
        )


def restated(
    warehouse: Warehouse, company_id: str, *, since_last_sync: bool = False
) -> list[Restated]:
    """What closed months say otherwise than when first told of, the newest month first.

    Args:
        warehouse: what to read from.
        company_id: whose.
        since_last_sync: only what the last sync has brought, against what was said before it.

    Returns:
        The numbers of `METRICS` that have moved by a cent or more; nothing where the marts are of
        an earlier release.
    """
    column = "change_at_last_sync" if since_last_sync else "change"
    try:
        rows = warehouse.query(
            f"select month, metric, reported_at, now, {column} from {MARTS}.restatements "
            f"where company_id = %s and abs({column}) >= 0.01 "
            f"and metric in ({_listed()}) order by month desc, metric",
            company_id,
        )[1]
        if not rows:
            return []
        causes = _causes(warehouse, company_id, since_last_sync)
    except NothingThere:
        return []
    return [
        Restated(month, metric, at, now - change, now, tuple(causes.get((month, metric), ())))
        for month, metric, at, now, change in rows
    ]


def _causes(
    warehouse: Warehouse, company_id: str, since_last_sync: bool
) -> dict[tuple[date, str], list[tuple[str, Decimal, str]]]:
    last = (
        f"and restated_at = (select as_of from {MARTS}.dim_companies where company_id = %s)"
        if since_last_sync
        else ""
    )
    rows = warehouse.query(
        "select month, metric, cause, sum(change) as change, count(distinct membership_id), "
        "min(membership_id) "
        f"from {MARTS}.restatement_causes where company_id = %s and metric in ({_listed()}) {last} "
        "group by month, metric, cause having sum(change) <> 0 "
        "order by month, metric, abs(sum(change)) desc, cause",
        *([company_id] * (2 if since_last_sync else 1)),
    )[1]
    found: dict[tuple[date, str], list[tuple[str, Decimal, str]]] = {}
    for month, metric, cause, change, number, first in rows:
        whose = first if number == 1 else counted(number, "membership")
        found.setdefault((month, metric), []).append(
            (cause, change, whose if number else "no membership")
        )
    return found


def restatement_sentences(warehouse: Warehouse, company_id: str) -> list[str]:
    """What the last sync changed of closed months, in words; nothing when it changed nothing.

    A sentence for each number of the newest months, and one that counts the other months.
    """
    return list(_sentences(restated(warehouse, company_id, since_last_sync=True)))


def _sentences(moved: list[Restated]) -> Iterator[str]:
    months = list(dict.fromkeys(each.month for each in moved))
    for each in moved:
        if each.month in months[:MONTHS_TOLD]:
            yield each.sentence
    others = months[MONTHS_TOLD:]
    if others:
        first = month_written(others[-1])
        yield (
            f"{counted(len(others), 'earlier month')} moved as well, from {first} on: "
            f"{MARTS}.restatements has all."
        )


def of_metric(
    warehouse: Warehouse, company_id: str, metric: str, month: date
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The causes of a number's move since it was first told of; `value` is what each adds."""
    return warehouse.query(
        "select cause, restated_at, member_id, membership_id, payment_id, change as value "
        f"from {MARTS}.restatement_causes where company_id = %s and metric = %s and month = %s "
        "order by abs(change) desc, cause, member_id, membership_id",
        company_id,
        metric,
        month,
    )


def _listed() -> str:
    return ", ".join(f"'{metric}'" for metric in METRICS)


def signed(value: Decimal) -> str:
    """An amount in USD with its sign, also where it is above 0."""
    text = usd(value)
    return text if text.startswith(MINUS) else f"+{text}"
