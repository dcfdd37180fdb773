"""Makes of one company's rows what its page says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ..figures import count, day_written, month_written, usd
from ..restated import signed
from ..titles import named
from .ahead import Outlook, left_in, outlook_of, points_left
from .closer import closer_look
from .figures import HEADLINES, HISTORY, KINDS, SECTIONS, SO_FAR, Figure, figure, month_name, short
from .points import points_of
from .queries import CompanyRows, Row
from .tables import (
    PLANS_SHOWN,
    PRODUCTS_SHOWN,
    TableRow,
    currencies_table,
    plans_table,
    products_table,
    reasons_table,
)
from .words import Sentence, sentences

MOVED_SHOWN = 12
"""Numbers of closed months that have moved: the newest."""

RANGES = (12, 24)
"""Months that the charts by month can be cut down to."""

MONTHS_SHOWN = 36
"""Months in the tables and charts, the one under way included."""


@dataclass
class Page:
    """All that the report says of one company."""

    company_id: str
    title: str
    as_of: str
    run_id: str
    not_read: list[str]
    """Tables the last run could not read, and how old what is there of them is."""
    period: str = ""
    before: str = ""
    heads: tuple[str, str] = ("", "")
    """The two, as heads of columns."""
    so_far: str = ""
    """The month under way, when the period is the one before it."""
    headlines: list[Figure] = field(default_factory=list)
    so_far_figures: list[Figure] = field(default_factory=list)
    sections: dict[str, list[Figure]] = field(default_factory=dict)
    reasons: list[TableRow] = field(default_factory=list)
    products: list[TableRow] = field(default_factory=list)
    plans: list[TableRow] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    """How many products and plans the tables have no room for."""
    currencies: list[TableRow] = field(default_factory=list)
    history: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)
    without_usd: str = ""
    without_fees: str = ""
    unpaid: str = ""
    """What of the MRR of today may not be paid."""
    off_pace: list[str] = field(default_factory=list)
    """Plans whose past is computed with a wrong period."""
    sentences: list[Sentence] = field(default_factory=list)
    """What happened, and what to do about it."""
    notes: list[str] = field(default_factory=list)
    """What other parts of whop-elt have to say."""
    outlook: Outlook = field(default_factory=lambda: Outlook([], [], []))
    left: tuple[str, str] | None = None
    """What should be left of the MRR of now in half a year, and as a share of it."""
    moved: list[tuple[str, str, str, str, str, str]] = field(default_factory=list)
    """Of closed months: month, number, what it was first, what it is, the change, and why."""
    moved_example: str = ""
    """The command that takes the first of them apart."""
    moved_before: int = 0
    """Those that the table has no room for."""
    ranges: tuple[int, ...] = ()
    """Months that the charts can be cut down to, where there are more."""
    closer: str = ""
    """Months and segments for the script, as JSON."""
    drawn: dict[str, list[Row]] = field(default_factory=dict)
    """Rows of each chart; one that has nothing to show is not there."""

    def has(self, section: str) -> bool:
        """Whether there is something to say in a section."""
        match section:
            case "ahead":
                return bool(self.outlook.due or self.outlook.risks)
            case "moved":
                return bool(self.moved)
            case _:
                return True

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever paid."""
        return not self.period


def make_page(rows: CompanyRows) -> Page:
    """Return what the report says of a company.

    The period is the last full month; the only month there is, if it is the first.
    """
    page = Page(
        company_id=rows.company["company_id"],
        title=named(rows.company["title"], rows.company["company_id"]),
        as_of=_moment(rows.company["as_of"]),
        run_id=_last_run(rows.freshness),
        not_read=_not_read(rows.freshness),
    )
    months = rows.months[-MONTHS_SHOWN:]
    if not months:
        return page
    under_way = months[-1]
    now = months[-2] if len(months) > 1 else under_way
    before = months[-3] if len(months) > 2 else None
    if now is under_way:
        page.period = f"{month_name(now['month'])} so far"
    else:
        page.period = month_name(now["month"])
        page.so_far = f"{month_name(under_way['month'])} so far"
        page.so_far_figures = [short(figure(name, under_way)) for name in SO_FAR]
    page.before = month_name(before["month"]) if before else ""
    page.heads = (_short_month(now, under_way), _short_month(before, None) if before else "")
    page.headlines = [short(figure(name, now, before)) for name in HEADLINES]
    page.sections = {
        section: [figure(name, now, before) for name in names]
        for section, names in SECTIONS.items()
    }
    periods = (now["month"], before["month"] if before else None)
    recent = {row["month"] for row in months if row["month"] <= now["month"]}
    last_year = set(sorted(recent)[-12:])
    page.reasons = reasons_table(rows.churn, periods, last_year)
    page.products, page.plans = products_table(rows, periods), plans_table(rows, periods)
    page.left_out = {
        "products": max(0, len(page.products) - PRODUCTS_SHOWN),
        "plans": max(0, len(page.plans) - PLANS_SHOWN),
    }
    del page.products[PRODUCTS_SHOWN:], page.plans[PLANS_SHOWN:]
    page.currencies = currencies_table(rows.revenue, periods)
    page.history = [
        (
            month_name(row["month"]) + (" so far" if row is under_way else ""),
            [(name, KINDS[name].form(row[name])) for name in HISTORY],
        )
        for row in reversed(months)
    ]
    page.outlook = outlook_of(rows)
    page.left = left_in(page.outlook.left, 6)
    page.notes = rows.notes
    earlier = [row for row in rows.months if row["month"] < now["month"]]
    page.sentences = sentences(now, earlier, rows.churn, page.outlook, is_over=now is not under_way)
    page.moved = [
        (
            month_name(each.month),
            each.name,
            usd(each.was),
            usd(each.now),
            signed(each.change),
            each.why,
        )
        for each in rows.moved[:MOVED_SHOWN]
    ]
    page.moved_example = "".join(
        f"whop-elt explain {each.metric} {each.month:%Y-%m} --restated" for each in rows.moved[:1]
    )
    page.moved_before = max(0, len(rows.moved) - MOVED_SHOWN)
    page.ranges = tuple(each for each in RANGES if len(months) > each)
    page.closer = closer_look(rows, months)
    page.without_usd, page.without_fees = _without_usd(now), _without_fees(now)
    page.unpaid = _unpaid(under_way)
    page.off_pace = _off_pace(rows)
    drawn = points_of(rows, months, last_year) | {"left": points_left(page.outlook.left)}
    page.drawn = {name: points for name, points in drawn.items() if points}
    return page


def _short_month(row: Row, under_way: Row | None) -> str:
    return month_written(row["month"], short=True) + (" so far" if row is under_way else "")


def _moment(at: datetime) -> str:
    return f"{day_written(at.astimezone(UTC))}, {at.astimezone(UTC):%H:%M} UTC"


def _last_run(freshness: Sequence[Row]) -> str:
    newest = max(freshness, key=lambda row: row["last_run_at"], default=None)
    return str(newest["last_run_id"]) if newest else ""


def _not_read(freshness: Sequence[Row]) -> list[str]:
    """Tables that the last run did not read, and values in them that nobody could."""
    why = {
        "forbidden": "the API key lacks the permission",
        "not_available": "Whop does not have the list",
        "failed": "reading it failed",
    }
    return [
        f"{row['table_name']}: {why.get(row['last_run_status'], row['last_run_status'])}; "
        + (
            f"what is there is of {_moment(row['last_read_at'])}"
            if row["last_read_at"]
            else "it was never read"
        )
        for row in freshness
        if row["last_run_status"] != "ok"
    ] + [
        f"{row['table_name']}: not every value of {row['last_run_unreadable']} could be read, and "
        "the figures lack them; the column _whop_extra of those rows has what Whop sent"
        for row in freshness
        if row["last_run_unreadable"]
    ]


def _unpaid(month: Row) -> str:
    if not month["mrr_unpaid_usd"]:
        return ""
    return (
        f"Of the MRR now, {usd(month['mrr_unpaid_usd'])} is of members whose renewal is due and "
        "not paid: the charge is tried again, and who does not pay leaves when that is given up."
    )


def _off_pace(rows: CompanyRows) -> list[str]:
    names = {row["plan_id"]: row["title"] for row in rows.plans}
    return [
        f"{named(names.get(row['plan_id']), row['plan_id'])}: renewals come every "
        f"{count(row['median_days_between_renewals'])} days, and the plan says every "
        f"{count(row['billing_period_days'])}. It was edited before the first sync, and its past "
        "MRR is wrong until a file of plan versions says what it was (WHOP_ELT_PLAN_VERSIONS)."
        for row in rows.off_pace
    ]


def _without_usd(month: Row) -> str:
    if not month["payments_without_usd"]:
        return ""
    return (
        f"Payments missing in the figures of {month_name(month['month'])}, because their rate to "
        f"the US dollar is unknown: {count(month['payments_without_usd'])}."
    )


def _without_fees(month: Row) -> str:
    if not month["payments_without_fees"]:
        return ""
    return (
        f"Payments of {month_name(month['month'])} whose fee is unknown, and counted as 0: "
        f"{count(month['payments_without_fees'])}."
    )
