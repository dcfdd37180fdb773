"""The words every part of the oracle speaks: rows, settings, days, months, sums.

Amounts are `Decimal` with 60 digits (`compute` sets the context); what is rounded exactly once is a
`Fraction` until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]
Dataset = Mapping[str, list[Row]]
Marts = dict[str, list[Row]]

ZERO = Decimal(0)
EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
ONE_DAY = timedelta(days=1)

FAILED_STATUSES = ("open", "uncollectible", "void", "unresolved")

AMOUNTS = frozenset(
    (
        *("total", "subtotal", "tax_amount", "usd_total", "amount_after_fees", "refunded_amount"),
        *("tax_refunded_amount", "amount", "amount_off", "promo_code__amount_off"),
        *("renewal_price", "initial_price"),
    )
)
"""The columns that hold amounts, of whatever table."""


@dataclass(frozen=True)
class Settings:
    """The variables of the dbt project, with their defaults."""

    as_of: datetime | None = None
    reporting_timezone: str = "UTC"
    grace_days: int = 14
    include_deleted: bool = False


def rounded(number: Fraction | Decimal, places: int) -> Decimal:
    """A number rounded once, half away from zero."""
    scaled = abs(Fraction(number)) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(whole if number >= 0 else -whole).scaleb(-places)


def exact(number: Fraction) -> Decimal:
    """A fraction as a decimal of the context's precision."""
    return Decimal(number.numerator) / Decimal(number.denominator)


def amount_of(value: Any) -> Decimal | None:
    """An amount as it lands: text is a number, and nine decimals are kept."""
    return None if value is None else rounded(Decimal(str(value)), 9)


def landed(row: Row) -> Row:
    """A row with its amounts as they land."""
    return {name: amount_of(v) if name in AMOUNTS else v for name, v in row.items()}


def months_in(days: int) -> Fraction:
    """How many months a billing period of so many days is."""
    exactly = Fraction(days) / Fraction("30.4375")
    whole = int(rounded(exactly, 0))
    return Fraction(whole) if whole >= 1 and 28 * whole <= days <= 31 * whole else exactly


def month_of(day: date) -> date:
    return day.replace(day=1)


def month_after(month: date) -> date:
    return month_of(month.replace(day=28) + timedelta(days=4))


def months_between(first: date, last: date) -> Iterator[date]:
    """The first days of all months from one to another, both included."""
    month = month_of(first)
    while month <= last:
        yield month
        month = month_after(month)


def days_between(first: date, last: date) -> Iterator[date]:
    """All days from one to another, both included."""
    while first <= last:
        yield first
        first += ONE_DAY


def ratio(part: Decimal | int | None, whole: Decimal | int | None) -> Decimal | None:
    """A quotient; null when either side is unknown or the denominator is 0."""
    if part is None or not whole:
        return None
    return Decimal(part) / Decimal(whole)


def total(amounts: Iterable[Decimal | None]) -> Decimal:
    """A sum in which an unknown amount counts as 0."""
    return sum((amount for amount in amounts if amount is not None), ZERO)


def sum_or_none(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """A sum that is unknown when one of its parts is."""
    result: Decimal = ZERO
    for amount in amounts:
        if amount is None:
            return None
        result += amount
    return result


def last_sync(tables: Dataset) -> datetime | None:
    """The newest moment any row was synced at."""
    synced = [row.get("_whop_synced_at") for rows in tables.values() for row in rows]
    return max((moment for moment in synced if moment), default=None)


class Raw:
    """The raw rows of one company, its as_of and its calendar."""

    def __init__(self, company_id: str, tables: Dataset, settings: Settings) -> None:
        self.company_id = company_id
        self.settings = settings
        self.zone = ZoneInfo(settings.reporting_timezone)
        # Each company is true as of its own last sync: another one's says nothing about it.
        as_of = settings.as_of or last_sync(tables)
        assert as_of, "nothing was ever synced"
        self.as_of: datetime = as_of
        self.today = self.day(as_of)
        self._all = {name: [landed(row) for row in rows] for name, rows in tables.items()}
        # A plan, product or code that Whop no longer lists still says what payments were for.
        self.plans = {row["id"]: row for row in self.all("plans")}
        self.products = {row["id"]: row for row in self.all("products")}
        self.promo_codes = {row["id"]: row for row in self.all("promo_codes")}
        self.memberships = {row["id"]: row for row in self.table("memberships")}
        self.deleted = {
            row["id"]: row["_whop_deleted_at"]
            for row in self.all("memberships")
            if row.get("_whop_deleted_at")
        }
        self.created_at = {row["id"]: row.get("created_at") for row in self.all("memberships")}

    def all(self, name: str) -> list[Row]:
        """Every row of a table, deleted ones too."""
        return self._all.get(name, [])

    def table(self, name: str) -> list[Row]:
        """The rows of a table that take part."""
        rows = self.all(name)
        if self.settings.include_deleted:
            return rows
        return [row for row in rows if row.get("_whop_deleted_at") is None]

    def day(self, moment: datetime) -> date:
        """The day of a moment in the reporting time zone."""
        return moment.astimezone(self.zone).date()

    def known_day(self, moment: datetime | None) -> date | None:
        """The day of a moment, unless it is after as_of."""
        return self.day(moment) if moment and moment <= self.as_of else None

    def last_day(self, month: date) -> date:
        """The last day of a month, or the day of as_of when that comes first."""
        return min(month_after(month) - ONE_DAY, self.today)
