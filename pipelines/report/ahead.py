"""What of the next months is known: renewals, who may leave, what is left of the MRR of now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from ..figures import count, day_written, percent, usd
from .queries import CompanyRows, Row

HORIZONS = (7, 30, 60, 90)
"""Days ahead that renewals are summed over."""

CAUSES = {
    "unpaid": (
        "Not paid",
        "not paid",
        "The charge failed and is tried again: ask for another card now.",
    ),
    "card_expires": (
        "Card expires",
        "with a card that expires",
        "The card is not good any more on that day: ask for the new one.",
    ),
    "canceled": ("Canceled", "canceled", "Their time still runs: ask why, and offer to stay."),
    "paused": ("Paused", "paused", "They are not charged: agree on a day to go on."),
}
"""Each cause of risk, in the order in which something can be done: its name, how it
stands in a sentence, and what to do."""


@dataclass(frozen=True)
class Due:
    """Renewals that are due within some days."""

    days: int
    renewals: str
    due: str
    expected: str
    """Nothing where none was due before, of which one could tell."""
    is_least: bool
    """Whether nobody knows of some of them, and they are counted as if they would not come."""
    at_risk: str


@dataclass(frozen=True)
class Risk:
    """Members of one cause."""

    cause: str
    name: str
    said: str
    members: int
    mrr_usd: Decimal
    unpaid_usd: Decimal
    advice: str

    @property
    def written(self) -> tuple[str, str, str]:
        """Members, MRR and what is unpaid, as people read it."""
        return count(self.members), usd(self.mrr_usd), usd(self.unpaid_usd or None)


@dataclass(frozen=True)
class Outlook:
    """What is known of the next months."""

    due: list[Due]
    risks: list[Risk]
    left: list[Row]
    """The MRR of now month by month, as `committed_mrr_monthly` has it."""

    @property
    def members(self) -> int:
        """Members at risk."""
        return sum(risk.members for risk in self.risks)

    @property
    def mrr_usd(self) -> Decimal:
        """Their MRR."""
        return sum((risk.mrr_usd for risk in self.risks), Decimal(0))


def outlook_of(rows: CompanyRows) -> Outlook:
    """Sum up what the forward marts say of a company."""
    today = next((row["date"] for row in rows.left if row["months_ahead"] == 0), None)
    if today is None:
        return Outlook([], [], [])
    return Outlook(
        [_due(rows.renewals, today, days) for days in HORIZONS] if rows.renewals else [],
        _risks(rows.at_risk),
        list(rows.left),
    )


def _due(renewals: Sequence[Row], today: date, days: int) -> Due:
    """What falls due from today on, and what is due and not paid yet."""
    within = [row for row in renewals if (row["next_renewal_date"] - today).days <= days]
    charged = [row for row in within if row["risk"] not in ("canceled", "paused")]
    number, unknown = (sum(int(row[name]) for row in charged) for name in ("renewals", "unknown"))
    return Due(
        days,
        count(number),
        usd(_sum(charged, "amount_usd")),
        usd(_sum(charged, "expected_usd") if unknown < number or not number else None),
        0 < unknown < number,
        usd(_sum([row for row in charged if row["risk"]], "amount_usd")),
    )


def _sum(rows: Sequence[Row], name: str) -> Decimal:
    return sum((row[name] for row in rows if row[name] is not None), Decimal(0))


def _risks(at_risk: Sequence[Row]) -> list[Risk]:
    found = {row["main_cause"]: row for row in at_risk}
    return [
        Risk(
            cause,
            name,
            said,
            int(found[cause]["members"]),
            found[cause]["mrr_usd"],
            found[cause]["unpaid_usd"] or Decimal(0),
            advice,
        )
        for cause, (name, said, advice) in CAUSES.items()
        if cause in found
    ]


def points_left(left: Sequence[Row]) -> list[Row]:
    """Columns of the chart of what is left: what is expected, and what is committed beyond it."""
    points: list[Row] = []
    # A phone has room for twelve, and the first is what the others are compared with.
    for row in left[:12]:
        expected = row["expected_usd"]
        if expected is None:
            points.append(_point(row, "Committed", row["committed_usd"]))
            continue
        points.append(_point(row, "Expected", expected))
        points.append(_point(row, "May be lost", row["committed_usd"] - expected))
    return points if any(point["value"] for point in points) else []


def _point(row: Row, kind: str, value: Any) -> Row:
    return {
        "month": row["date"],
        "under_way": False,
        "kind": kind,
        "value": float(value),
        "written": usd(value),
        "says": f"{day_written(row['date'])}, {kind}: {usd(value)}",
    }


def left_in(left: Sequence[Row], months: int) -> tuple[str, str] | None:
    """What is expected to be left of the MRR of now after so many months, and as a share of it."""
    by_month = {row["months_ahead"]: row for row in left}
    now, later = by_month.get(0), by_month.get(months)
    if not now or not later or later["expected_usd"] is None or not now["committed_usd"]:
        return None
    return usd(later["expected_usd"]), percent(later["expected_usd"] / now["committed_usd"])
