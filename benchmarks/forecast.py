"""How wrong the expected renewals have been: made businesses, a forecast, and what then happened.

Each business is read at a moment, and its models are built. Then its clock is advanced, it is read
again, and each renewal that was expected is looked up: was it paid within the grace?
Printed as Markdown, for docs/forecast.md: `python benchmarks/forecast.py`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb

from whop_simulator import Business, serve

GRACE = timedelta(days=14)
EARLY = timedelta(days=1)
"""A charge that comes a little before its time is the renewal, too."""
HORIZONS = (30, 60, 90)
MONTHS = (1, 2, 3)
WHOP_ELT = Path(sys.executable).parent / "whop-elt"


@dataclass(frozen=True)
class Expected:
    """A renewal that was expected, and whether it came."""

    days_ahead: float
    probability: Decimal
    risk: str | None
    amount_usd: Decimal
    paid: bool


@dataclass(frozen=True)
class Forecast:
    """One business at one moment."""

    seed: int
    at: datetime
    renewals: list[Expected]
    mrr: list[tuple[int, Decimal, Decimal, Decimal]]
    """Months ahead, committed, expected, and what was left of that day's MRR."""


def forecast(seed: int, members: int, at: datetime) -> Forecast:
    """Expect, advance the clock, and look."""
    later = at + timedelta(days=max(HORIZONS)) + GRACE + timedelta(days=1)
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "before"), Path(folder, "after")
        _load(before, seed, members, at)
        _load(after, seed, members, later)
        with duckdb.connect(before / "whop.duckdb", read_only=True) as asked:
            renewals = asked.execute(
                "select membership_id, next_renewal_at, renewal_probability, risk, amount_usd "
                "from whop_marts.upcoming_renewals"
            ).fetchall()
            ahead = asked.execute(
                "select months_ahead, date, committed_usd, expected_usd "
                "from whop_marts.committed_mrr_monthly order by months_ahead"
            ).fetchall()
            live = asked.execute(
                "select membership_id, mrr_usd from whop_marts.fct_subscriptions where mrr_usd > 0"
            ).fetchall()
        with duckdb.connect(after / "whop.duckdb", read_only=True) as asked:
            paid = asked.execute(
                "select membership__id, paid_at from whop_raw.payments "
                "where status = 'paid' and total > 0 and membership__id is not null"
            ).fetchall()
            periods = asked.execute(
                "select membership_id, period_start, period_end "
                "from whop_marts.fct_subscription_periods where mrr_usd > 0"
            ).fetchall()
    times: dict[str, list[datetime]] = {}
    for membership_id, paid_at in paid:
        times.setdefault(membership_id, []).append(paid_at)

    def came(membership_id: str, due: datetime) -> bool:
        # What was paid before the forecast was made is not what was forecast.
        first = max(due - EARLY, at)
        return any(first < paid_at <= due + GRACE for paid_at in times.get(membership_id, ()))

    def left(day: datetime) -> Decimal:
        covered = {each for each, start, end in periods if start <= day < end}
        return sum((mrr for each, mrr in live if each in covered), Decimal(0))

    return Forecast(
        seed,
        at,
        [
            Expected(
                (due - at) / timedelta(days=1),
                probability,
                risk,
                amount,
                came(membership_id, due),
            )
            for membership_id, due, probability, risk, amount in renewals
            if probability is not None and amount is not None
        ],
        [
            (months, committed, expected, left(datetime.combine(day, at.timetz())))
            for months, day, committed, expected in ahead
            if months in MONTHS
        ],
    )


def _load(folder: Path, seed: int, members: int, clock: datetime) -> None:
    folder.mkdir()
    with serve(Business(seed, members, years=2, clock=clock)) as server:
        settings = {
            "SOURCES__WHOP__API_KEY": server.api_key,
            "SOURCES__WHOP__BASE_URL": server.base_url,
            "SOURCES__WHOP__COMPANY_ID": server.businesses[0].company_id,
        }
        subprocess.run(
            [WHOP_ELT, "run", "--quiet"], cwd=folder, env=os.environ | settings, check=True
        )


def show(forecasts: Sequence[Forecast]) -> None:
    """Print what was expected beside what happened."""
    every = [each for one in forecasts for each in one.renewals]
    print("| Renewals due within | Expected | Came | Error | Expected, USD | Came, USD | Error |")
    print("| --- | --: | --: | --: | --: | --: | --: |")
    for days in HORIZONS:
        due = [each for each in every if each.days_ahead <= days]
        number = sum((each.probability for each in due), Decimal(0))
        usd = sum((each.amount_usd * each.probability for each in due), Decimal(0))
        came = sum(each.paid for each in due)
        came_usd = sum((each.amount_usd for each in due if each.paid), Decimal(0))
        print(
            f"| {days} days ({len(due)} due) | {number:,.1f} | {came} | "
            f"{_error(number, Decimal(came))} | {usd:,.2f} | {came_usd:,.2f} | "
            f"{_error(usd, came_usd)} |"
        )
    print("\n| Probability | Renewals | Expected share | Share that came |")
    print("| --- | --: | --: | --: |")
    within = [each for each in every if each.days_ahead <= max(HORIZONS)]
    for tenth in range(10):
        ones = [each for each in within if min(int(each.probability * 10), 9) == tenth]
        if ones:
            mean = sum((each.probability for each in ones), Decimal(0)) / len(ones)
            share = Decimal(sum(each.paid for each in ones)) / len(ones)
            print(f"| {tenth * 10}-{tenth * 10 + 10} % | {len(ones)} | {mean:.1%} | {share:.1%} |")
    print("\n| Standing | Renewals | Expected share | Share that came |")
    print("| --- | --: | --: | --: |")
    for risk in (None, "card_expires", "unpaid", "paused", "canceled"):
        ones = [each for each in within if each.risk == risk]
        if ones:
            mean = sum((each.probability for each in ones), Decimal(0)) / len(ones)
            share = Decimal(sum(each.paid for each in ones)) / len(ones)
            print(f"| {risk or 'committed'} | {len(ones)} | {mean:.1%} | {share:.1%} |")
    print("\n| MRR of the day, so many months later | Committed | Expected | Was left | Error |")
    print("| --- | --: | --: | --: | --: |")
    for months in MONTHS:
        rows = [row for one in forecasts for row in one.mrr if row[0] == months]
        committed = sum((row[1] for row in rows), Decimal(0))
        expected = sum((row[2] for row in rows), Decimal(0))
        left = sum((row[3] for row in rows), Decimal(0))
        print(
            f"| {months} | {committed:,.2f} | {expected:,.2f} | {left:,.2f} | "
            f"{_error(Decimal(expected), Decimal(left))} |"
        )
    print("\n| Business, day | Renewals within 30 days | Expected | Came | Error |")
    print("| --- | --: | --: | --: | --: |")
    for one in forecasts:
        due = [each for each in one.renewals if each.days_ahead <= HORIZONS[0]]
        number = sum((each.probability for each in due), Decimal(0))
        came = sum(each.paid for each in due)
        print(
            f"| {one.seed}, {one.at:%Y-%m-%d} | {len(due)} | {number:,.1f} | {came} | "
            f"{_error(number, Decimal(came))} |"
        )


def _error(expected: Decimal, happened: Decimal) -> str:
    return f"{(expected - happened) / happened:+.1%}" if happened else "-"


def main() -> None:
    """Forecast some businesses at some moments, and print how it went."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--members", type=int, default=600)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8, 9])
    parser.add_argument(
        "--days", nargs="+", default=["2025-07-10", "2025-09-20"], help="When to forecast."
    )
    given = parser.parse_args()
    moments = [datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC) for day in given.days]
    show([forecast(seed, given.members, at) for seed in given.seeds for at in moments])


if __name__ == "__main__":
    main()
