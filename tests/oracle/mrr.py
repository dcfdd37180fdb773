"""MRR by member and day, its movements, and its months."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from oracle.basics import (
    ONE_DAY,
    ZERO,
    Raw,
    Row,
    days_between,
    month_of,
    months_between,
    total,
)
from oracle.periods import Calendar, Period


@dataclass(frozen=True)
class Movement:
    """A day on which a member's MRR changed."""

    member_id: str
    day: date
    kind: str
    before: Decimal
    after: Decimal

    @property
    def change(self) -> Decimal:
        return self.after - self.before


class Mrr:
    """The MRR of a company's members, day by day."""

    def __init__(self, raw: Raw, periods: Iterable[Period]) -> None:
        self.raw = raw
        self.calendar = Calendar(raw)
        self.periods = [period for period in periods if period.mrr > 0]
        self.by_member: dict[str, dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for period in self.periods:
            for day in self.calendar.days_of(period):
                self.by_member[period.member_id][day] += period.mrr
        self.movements = [
            Movement(member_id, day, kind, before, after)
            for member_id, by_day in self.by_member.items()
            for day, kind, before, after in self.changes(by_day)
        ]

    def changes(
        self, by_day: Mapping[date, Decimal]
    ) -> Iterable[tuple[date, str, Decimal, Decimal]]:
        before, was_customer = ZERO, False
        for day in days_between(min(by_day), self.raw.today) if by_day else ():
            after = by_day.get(day, ZERO)
            if after != before:
                if before == 0:
                    kind = "reactivation" if was_customer else "new"
                elif after == 0:
                    kind = "churn"
                else:
                    kind = "expansion" if after > before else "contraction"
                yield day, kind, before, after
            before, was_customer = after, True

    def of_member(self, member_id: str, day: date) -> Decimal:
        return self.by_member.get(member_id, {}).get(day, ZERO)

    def on(self, day: date) -> dict[str, Decimal]:
        """The customers of a day and their MRR."""
        return {member: by_day[day] for member, by_day in self.by_member.items() if day in by_day}

    def months(self) -> list[date]:
        """The months from the first movement to that of as_of."""
        if not self.movements:
            return []
        return list(months_between(min(move.day for move in self.movements), self.raw.today))

    def cohorts(self) -> dict[str, date]:
        """Member → month of its first MRR."""
        return {member: month_of(min(days)) for member, days in self.by_member.items() if days}

    # ------------------------------------------------------------------ marts

    def mrr_movements(self) -> list[Row]:
        return [
            {
                "member_id": move.member_id,
                "movement_date": move.day,
                "movement_type": move.kind,
                "mrr_before_usd": move.before,
                "mrr_after_usd": move.after,
                "mrr_change_usd": move.change,
            }
            for move in self.movements
        ]

    def mrr_monthly(self) -> list[Row]:
        rows = []
        for month in self.months():
            start, end = self.on(month - ONE_DAY), self.on(self.raw.last_day(month))
            moves = [move for move in self.movements if month_of(move.day) == month]

            def change(kind: str, moves: list[Movement] = moves) -> Decimal:
                return total(move.change for move in moves if move.kind == kind)

            def count(kind: str, moves: list[Movement] = moves) -> int:
                return sum(1 for move in moves if move.kind == kind)

            rows.append(
                {
                    "month": month,
                    "mrr_start_usd": total(start.values()),
                    "new_usd": change("new"),
                    "reactivation_usd": change("reactivation"),
                    "expansion_usd": change("expansion"),
                    "contraction_usd": change("contraction"),
                    "churn_usd": change("churn"),
                    "mrr_end_usd": total(end.values()),
                    "customers_start": len(start),
                    "customers_new": count("new"),
                    "customers_reactivated": count("reactivation"),
                    "customers_churned": count("churn"),
                    "customers_end": len(end),
                }
            )
        return rows

    def mrr_daily(self) -> list[Row]:
        if not self.movements:
            return []
        by_day: dict[date, list[Decimal]] = defaultdict(list)
        for days in self.by_member.values():
            for day, mrr in days.items():
                by_day[day].append(mrr)
        first = min(move.day for move in self.movements)
        return [
            {"date": day, "mrr_usd": total(by_day[day]), "customers": len(by_day[day])}
            for day in days_between(first, self.raw.today)
        ]

    def mrr_daily_by_plan(self) -> list[Row]:
        """From the first day of a plan on, also the days on which nobody was on it."""
        plans: dict[tuple[str | None, str | None], list[Period]] = defaultdict(list)
        for period in self.periods:
            plans[period.payment.product_id, period.payment.plan_id].append(period)
        rows = []
        for (product_id, plan_id), periods in plans.items():
            covering: dict[date, list[Period]] = defaultdict(list)
            for period in periods:
                for day in self.calendar.days_of(period):
                    covering[day].append(period)
            if covering:
                rows += [
                    {
                        "date": day,
                        "product_id": product_id,
                        "plan_id": plan_id,
                        "mrr_usd": total(period.mrr for period in covering[day]),
                        "customers": len({period.member_id for period in covering[day]}),
                    }
                    for day in days_between(min(covering), self.raw.today)
                ]
        return rows
