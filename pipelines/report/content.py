"""Makes of one company's rows what its pages say: figures, tables, and what the charts draw."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any

from ..figures import MINUS, NOTHING, count, percent, ratio, usd
from .queries import CompanyRows, Row

MONTHS_SHOWN = 36
"""Months in the tables and charts, the one under way included."""

PRODUCTS_SHOWN = 10
PLANS_SHOWN = 20

Form = Callable[[Any], str]


@dataclass(frozen=True)
class Kind:
    """A figure of `metrics_monthly` or `mrr_monthly`: what it is called, written and wished."""

    label: str
    form: Form
    better: int = 0
    """1 when more is better, -1 when less is, 0 when neither."""


# What of a month may still be recovered or convert is neither good nor bad news yet.
KINDS: dict[str, Kind] = {
    "mrr_start_usd": Kind("MRR at the start", usd, 1),
    "new_usd": Kind("New", usd, 1),
    "reactivation_usd": Kind("Reactivation", usd, 1),
    "expansion_usd": Kind("Expansion", usd, 1),
    "contraction_usd": Kind("Contraction", usd, 1),
    "churn_usd": Kind("Churn", usd, 1),
    "mrr_end_usd": Kind("MRR at the end", usd, 1),
    "arr_usd": Kind("Annual run rate", usd, 1),
    "quick_ratio": Kind("Quick ratio", ratio, 1),
    "customers_start": Kind("Customers at the start", count, 1),
    "customers_new": Kind("New", count, 1),
    "customers_reactivated": Kind("Came back", count, 1),
    "customers_churned": Kind("Churned", count, -1),
    "customers_end": Kind("Customers at the end", count, 1),
    "arpu_usd": Kind("MRR per customer", usd, 1),
    "ltv_usd": Kind("Lifetime value", usd, 1),
    "customers_lost": Kind("Lost of those at the start", count, -1),
    "logo_churn_rate": Kind("Customer churn", percent, -1),
    "nrr": Kind("Net revenue retention", percent, 1),
    "grr": Kind("Gross revenue retention", percent, 1),
    "gross_usd": Kind("Gross revenue", usd, 1),
    "refunded_usd": Kind("Refunded", usd, -1),
    "fees_usd": Kind("Fees", usd),
    "net_usd": Kind("Net revenue", usd, 1),
    "one_time_gross_usd": Kind("Of the gross, one-time", usd),
    "refund_rate": Kind("Refund rate", percent, -1),
    "payments_paid": Kind("Paid payments", count, 1),
    "disputes": Kind("Disputes", count, -1),
    "dispute_rate": Kind("Dispute rate", percent, -1),
    "failed_payments": Kind("Failed payments", count, -1),
    "recovered_payments": Kind("Recovered payments", count),
    "recovery_rate": Kind("Recovery rate", percent),
    "at_risk_usd": Kind("At risk", usd, -1),
    "recovered_usd": Kind("Recovered", usd),
    "trials_started": Kind("Trials started", count, 1),
    "trials_converted": Kind("Converted by now", count),
    "trial_conversion_rate": Kind("Conversion", percent),
}

SHORT = {"mrr_end_usd": "MRR", "customers_end": "Customers", "recovery_rate": "Failures recovered"}
"""Names where what a figure is of goes without saying."""

HEADLINES = ("mrr_end_usd", "customers_end", "logo_churn_rate", "net_usd", "nrr", "recovery_rate")
SO_FAR = ("mrr_end_usd", "customers_end", "customers_new", "customers_churned", "net_usd")
SECTIONS: dict[str, tuple[str, ...]] = {
    "mrr": (
        "mrr_start_usd",
        "new_usd",
        "reactivation_usd",
        "expansion_usd",
        "contraction_usd",
        "churn_usd",
        "mrr_end_usd",
        "arr_usd",
        "quick_ratio",
    ),
    "customers": (
        "customers_start",
        "customers_new",
        "customers_reactivated",
        "customers_churned",
        "customers_end",
        "arpu_usd",
        "ltv_usd",
    ),
    "churn": ("logo_churn_rate", "customers_lost"),
    "retention": ("nrr", "grr"),
    "revenue": (
        "gross_usd",
        "refunded_usd",
        "fees_usd",
        "net_usd",
        "one_time_gross_usd",
        "payments_paid",
        "refund_rate",
        "disputes",
        "dispute_rate",
    ),
    "failed": (
        "failed_payments",
        "recovered_payments",
        "recovery_rate",
        "at_risk_usd",
        "recovered_usd",
    ),
    "trials": ("trials_started", "trials_converted", "trial_conversion_rate"),
}
"""Figures of each section, in order."""

MOVEMENTS = ("new_usd", "reactivation_usd", "expansion_usd", "contraction_usd", "churn_usd")

HISTORY = (
    "mrr_end_usd",
    "customers_end",
    "customers_new",
    "customers_churned",
    "logo_churn_rate",
    "nrr",
    "gross_usd",
    "net_usd",
    "failed_payments",
    "recovered_payments",
    "trials_started",
    "trials_converted",
)
"""Columns of the table of all months."""

CHURN_TYPES = {"voluntary": "Cancelled", "involuntary": "Payment failed", "lapsed": "Not renewed"}


@dataclass(frozen=True)
class Figure:
    """One figure of a period, and of the one before."""

    name: str
    label: str
    now: str
    before: str
    change: str
    tone: str
    """`good`, `bad`, or nothing when the change is neither."""


@dataclass(frozen=True)
class TableRow:
    """A row of a table whose last columns are figures."""

    names: tuple[str, ...]
    figures: tuple[Figure, ...]


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
    drawn: dict[str, list[Row]] = field(default_factory=dict)
    """Rows of each chart; one that has nothing to show is not there."""

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
        title=rows.company["title"] or rows.company["company_id"],
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
        page.period = f"{_month(now['month'])} so far"
    else:
        page.period = _month(now["month"])
        page.so_far = f"{_month(under_way['month'])} so far"
        page.so_far_figures = [_short(figure(name, under_way)) for name in SO_FAR]
    page.before = _month(before["month"]) if before else ""
    page.heads = (_short_month(now, under_way), _short_month(before, None) if before else "")
    page.headlines = [_short(figure(name, now, before)) for name in HEADLINES]
    page.sections = {
        section: [figure(name, now, before) for name in names]
        for section, names in SECTIONS.items()
    }
    periods = (now["month"], before["month"] if before else None)
    recent = {row["month"] for row in months if row["month"] <= now["month"]}
    last_year = set(sorted(recent)[-12:])
    page.reasons = _reasons(rows.churn, periods, last_year)
    page.products, page.plans = _products(rows, periods), _plans(rows, periods)
    page.left_out = {
        "products": max(0, len(page.products) - PRODUCTS_SHOWN),
        "plans": max(0, len(page.plans) - PLANS_SHOWN),
    }
    del page.products[PRODUCTS_SHOWN:], page.plans[PLANS_SHOWN:]
    page.currencies = _currencies(rows.revenue, periods)
    page.history = [
        (
            _month(row["month"]) + (" so far" if row is under_way else ""),
            [(name, KINDS[name].form(row[name])) for name in HISTORY],
        )
        for row in reversed(months)
    ]
    page.without_usd, page.without_fees = _without_usd(now), _without_fees(now)
    page.drawn = {name: drawn for name, drawn in _drawn(rows, months, last_year).items() if drawn}
    return page


def figure(name: str, now: Row, before: Row | None = None, kind: Kind | None = None) -> Figure:
    """A figure of two rows that have it under its name."""
    kind = kind or KINDS[name]
    value, earlier = now[name], before[name] if before else None
    change, direction = _change(value, earlier, kind.form)
    tone = {1: "good", -1: "bad"}.get(direction * kind.better, "")
    return Figure(name, kind.label, kind.form(value), kind.form(earlier), change, tone)


def _short(figure: Figure) -> Figure:
    return replace(figure, label=SHORT.get(figure.name, figure.label))


def _change(value: Any, earlier: Any, form: Form) -> tuple[str, int]:
    """How a value differs from the one before, and in which direction as written."""
    if value is None or earlier is None:
        return "", 0
    difference = Decimal(value) - Decimal(earlier)
    if form(value) == form(earlier):
        return "±0", 0
    direction = 1 if difference > 0 else -1
    sign = "+" if direction > 0 else MINUS
    if form is percent:
        return f"{sign}{percent(abs(difference)).rstrip('%')} pts", direction
    if form is ratio or earlier <= 0:
        # Of nothing, or of a loss, a per cent would say nothing.
        return f"{sign}{form(abs(difference))}", direction
    return f"{sign}{percent(abs(difference) / Decimal(earlier))}", direction


def _month(day: date) -> str:
    return f"{day:%B %Y}"


def _short_month(row: Row, under_way: Row | None) -> str:
    return f"{row['month']:%b %Y}" + (" so far" if row is under_way else "")


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def _last_run(freshness: Sequence[Row]) -> str:
    newest = max(freshness, key=lambda row: row["last_run_at"], default=None)
    return str(newest["last_run_id"]) if newest else ""


def _not_read(freshness: Sequence[Row]) -> list[str]:
    """Tables whose last run did not read them."""
    why = {"forbidden": "the API key lacks the permission", "failed": "reading it failed"}
    return [
        f"{row['table_name']}: {why.get(row['last_run_status'], row['last_run_status'])}; "
        + (
            f"what is there is of {_moment(row['last_read_at'])}"
            if row["last_read_at"]
            else "it was never read"
        )
        for row in freshness
        if row["last_run_status"] != "ok"
    ]


Periods = tuple[date, date | None]


def _two(
    rows: Iterable[Row], key: Callable[[Row], Any], name: str, periods: Periods
) -> dict[Any, tuple[Decimal, Decimal | None]]:
    """Sum of a column in the period and the one before it, by key."""
    now: dict[Any, Decimal] = defaultdict(Decimal)
    before: dict[Any, Decimal] = defaultdict(Decimal)
    for row in rows:
        for month, sums in zip(periods, (now, before), strict=True):
            if row["month"] == month:
                sums[key(row)] += row[name]
    return {each: (now[each], before[each] if periods[1] else None) for each in {**now, **before}}


def _figure_of(
    name: str, kind: Kind, found: tuple[Decimal, Decimal | None] | None, periods: Periods
) -> Figure:
    value, earlier = found or (Decimal(0), Decimal(0) if periods[1] else None)
    return figure(name, {name: value}, {name: earlier}, kind)


def _reasons(churn: Sequence[Row], periods: Periods, last_year: set[date]) -> list[TableRow]:
    """Churn by type and reason, most frequent of the last twelve months first."""

    def key(row: Row) -> tuple[str, str]:
        return row["churn_type"], row["churn_reason"]

    recent = [row for row in churn if row["month"] in last_year]
    customers = _two(churn, key, "customers_churned", periods)
    # Lost MRR is below 0 in the mart, where it adds up; here it is said to be lost.
    lost = _two(
        [{**row, "mrr_lost_usd": -row["mrr_churned_usd"]} for row in churn],
        key,
        "mrr_lost_usd",
        periods,
    )
    year: dict[tuple[str, str], int] = defaultdict(int)
    for row in recent:
        year[key(row)] += int(row["customers_churned"])
    return [
        TableRow(
            tuple(dict.fromkeys((reason_name(each[1]), _type_name(each[0])))),
            (
                _figure_of(
                    "customers_churned", Kind("Customers", count, -1), customers.get(each), periods
                ),
                _figure_of("mrr_lost_usd", Kind("MRR lost", usd, -1), lost.get(each), periods),
                Figure("customers_churned_12_months", "12 months", count(year[each]), "", "", ""),
            ),
        )
        for each in sorted(year, key=lambda each: (-year[each], each))
    ]


def _type_name(churn_type: str) -> str:
    return CHURN_TYPES.get(churn_type, churn_type)


def reason_name(reason: str) -> str:
    """A reason as people write it: too_expensive is Too expensive."""
    return reason.replace("_", " ").capitalize()


MRR = Kind("MRR", usd, 1)
NET = Kind("Net revenue", usd, 1)
CUSTOMERS = Kind("Customers", count, 1)


def _titles(rows: Iterable[Row], key: str) -> dict[Any, str]:
    return {row[key]: row["title"] or row[key] for row in rows}


def _products(rows: CompanyRows, periods: Periods) -> list[TableRow]:
    """Products with MRR or revenue in either period, by net revenue of the period."""
    titles = _titles(rows.products, "product_id")

    def key(row: Row) -> Any:
        return row["product_id"]

    mrr = _two(rows.plan_mrr, key, "mrr_usd", periods)
    net = _two(rows.revenue, key, "net_usd", periods)
    return [
        TableRow(
            (titles.get(each, each or "Without a product"),),
            (
                _figure_of("mrr_usd", MRR, mrr.get(each), periods),
                _figure_of("net_usd", NET, net.get(each), periods),
            ),
        )
        for each in _ranked(mrr, net)
    ]


def _plans(rows: CompanyRows, periods: Periods) -> list[TableRow]:
    """Plans with MRR or revenue in either period, by net revenue of the period."""
    plans = {row["plan_id"]: row for row in rows.plans}
    titles = _titles(rows.products, "product_id")

    def key(row: Row) -> Any:
        return row["product_id"], row["plan_id"]

    mrr = _two(rows.plan_mrr, key, "mrr_usd", periods)
    net = _two(rows.revenue, key, "net_usd", periods)
    customers = _two(rows.plan_mrr, key, "customers", periods)
    found = []
    for product_id, plan_id in _ranked(mrr, net):
        plan = plans.get(plan_id)
        title = (plan and plan["title"]) or plan_id or "Without a plan"
        names = (title, titles.get(product_id, product_id or ""), _price(plan) if plan else "")
        each = (product_id, plan_id)
        found.append(
            TableRow(
                names,
                (
                    _figure_of("mrr_usd", MRR, mrr.get(each), periods),
                    _figure_of("customers", CUSTOMERS, customers.get(each), periods),
                    _figure_of("net_usd", NET, net.get(each), periods),
                ),
            )
        )
    return found


def _price(plan: Row) -> str:
    """What the plan costs, in its own currency."""
    currency = (plan["currency"] or "").upper()
    if plan["plan_type"] == "renewal" and plan["billing_period_days"]:
        days = plan["billing_period_days"]
        every = "a day" if days == 1 else f"every {days:,} days"
        return f"{_amount(plan['renewal_price'])} {currency} {every}"
    return f"{_amount(plan['initial_price'])} {currency} once"


def _amount(price: Decimal | None) -> str:
    return NOTHING if price is None else f"{price.normalize():,f}"


def _ranked(*sums: dict[Any, tuple[Decimal, Decimal | None]]) -> list[Any]:
    """Keys with anything but 0, by the last of the sums, then the first, then by name."""
    keys = {key for each in sums for key, (now, before) in each.items() if now or before}
    nothing = (Decimal(0), None)
    return sorted(
        keys,
        key=lambda key: (*(-each.get(key, nothing)[0] for each in reversed(sums)), str(key)),
    )


def _currencies(revenue: Sequence[Row], periods: Periods) -> list[TableRow]:
    """Revenue by the currency it was paid in; nothing when there is one currency only."""

    def key(row: Row) -> Any:
        return row["currency"]

    gross = _two(revenue, key, "gross_usd", periods)
    net = _two(revenue, key, "net_usd", periods)
    payments = _two(revenue, key, "payments_count", periods)
    if len(gross) < 2:
        return []
    return [
        TableRow(
            ((each or "unknown").upper(),),
            (
                _figure_of("payments_count", Kind("Payments", count, 1), payments[each], periods),
                _figure_of("gross_usd", Kind("Gross, in USD", usd, 1), gross[each], periods),
                _figure_of("net_usd", Kind("Net, in USD", usd, 1), net[each], periods),
            ),
        )
        for each in _ranked(payments, gross)
    ]


def _without_usd(month: Row) -> str:
    if not month["payments_without_usd"]:
        return ""
    return (
        f"Payments missing in the figures of {_month(month['month'])}, because their rate to the "
        f"US dollar is unknown: {count(month['payments_without_usd'])}."
    )


def _without_fees(month: Row) -> str:
    if not month["payments_without_fees"]:
        return ""
    return (
        f"Payments of {_month(month['month'])} whose fee is unknown, and counted as 0: "
        f"{count(month['payments_without_fees'])}."
    )


# ---------------------------------------------------------------------- what the charts draw


def _drawn(rows: CompanyRows, months: Sequence[Row], last_year: set[date]) -> dict[str, list[Row]]:
    """Rows of each chart: `month` or another place, `kind`, `value`, and what a bar says."""
    shown = {row["month"] for row in months}
    by_month: dict[str, tuple[tuple[str, Callable[[Row], Any], Form], ...]] = {
        "mrr": (("MRR", itemgetter("mrr_end_usd"), usd),),
        "movements": tuple((KINDS[name].label, itemgetter(name), usd) for name in MOVEMENTS),
        "customers": (
            ("New", itemgetter("customers_new"), count),
            ("Came back", itemgetter("customers_reactivated"), count),
            ("Churned", lambda row: -row["customers_churned"], count),
        ),
        "revenue": (
            ("Net", itemgetter("net_usd"), usd),
            ("Fees", itemgetter("fees_usd"), usd),
            ("Refunded", itemgetter("refunded_usd"), usd),
        ),
        "failed": (
            ("Recovered", itemgetter("recovered_usd"), usd),
            ("Not recovered", lambda row: row["at_risk_usd"] - row["recovered_usd"], usd),
        ),
        "trials": (
            ("Converted", itemgetter("trials_converted"), count),
            ("Not by now", lambda row: row["trials_started"] - row["trials_converted"], count),
        ),
    }
    drawn = {
        name: [
            _point(row["month"], kind, value(row), form, under_way=row is months[-1])
            for row in months
            for kind, value, form in kinds
        ]
        for name, kinds in by_month.items()
    }
    churned: dict[tuple[date, str], int] = defaultdict(int)
    reasons: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows.churn:
        if row["month"] in shown:
            churned[row["month"], row["churn_type"]] += row["customers_churned"]
        if row["month"] in last_year:
            reasons[row["churn_type"], row["churn_reason"]] += row["customers_churned"]
    drawn["churn_types"] = [
        _point(
            month["month"],
            name,
            churned[month["month"], each],
            count,
            under_way=month is months[-1],
        )
        for month in months
        for each, name in CHURN_TYPES.items()
    ]
    drawn["reasons"] = [
        {
            "place": reason_name(reason),
            "kind": _type_name(churn_type),
            "value": number,
            "says": f"{_type_name(churn_type)}, {reason_name(reason)}: {count(number)}",
        }
        for (churn_type, reason), number in sorted(reasons.items(), key=lambda each: -each[1])
    ]
    drawn["cohorts"] = _cohorts(rows.cohorts, shown)
    drawn["products"] = _product_bars(rows, last_year)
    return {
        name: points if any(point["value"] for point in points) else []
        for name, points in drawn.items()
    }


def _point(month: date, kind: str, value: Any, form: Form, *, under_way: bool) -> Row:
    so_far = " so far" if under_way else ""
    return {
        "month": month.isoformat(),
        "under_way": under_way,
        "kind": kind,
        "value": float(value),
        "says": f"{_month(month)}{so_far}, {kind}: {form(value)}",
    }


def _cohorts(cohorts: Sequence[Row], shown: set[date]) -> list[Row]:
    return [
        {
            "month": row["cohort_month"].isoformat(),
            "cohort": f"{row['cohort_month']:%b %Y} · {row['customers_in_cohort']:,}",
            "months_since": row["months_since"],
            "value": float(row["retention_rate"]),
            "says": f"Customers of {_month(row['cohort_month'])}, after {row['months_since']} "
            f"months: {count(row['customers_retained'])} of {count(row['customers_in_cohort'])}",
        }
        for row in cohorts
        if row["cohort_month"] in shown
    ]


def _product_bars(rows: CompanyRows, last_year: set[date]) -> list[Row]:
    titles = _titles(rows.products, "product_id")
    net: dict[Any, Decimal] = defaultdict(Decimal)
    for row in rows.revenue:
        if row["month"] in last_year:
            net[row["product_id"]] += row["net_usd"]
    ranked = sorted(net, key=lambda each: (-net[each], str(each)))[:PRODUCTS_SHOWN]
    return [
        {
            "place": titles.get(each, each or "Without a product"),
            "kind": "Net revenue",
            "value": float(net[each]),
            "says": f"{titles.get(each, each or 'Without a product')}: {usd(net[each])}",
        }
        for each in ranked
        if net[each]
    ]
