"""The tables of the report whose rows are reasons, products, plans and currencies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from ..figures import NOTHING, count, usd
from ..titles import named
from .figures import CHURN_TYPES, Figure, Kind, figure
from .queries import CompanyRows, Row

PRODUCTS_SHOWN = 10
PLANS_SHOWN = 20
ONE_IS_SLIGHT = Decimal(101)
"""So many that one more or less is below 1 % of them."""


@dataclass(frozen=True)
class TableRow:
    """A row of a table whose last columns are figures."""

    names: tuple[str, ...]
    figures: tuple[Figure, ...]


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


def _figures_of(
    name: str, kind: Kind, found: dict[Any, tuple[Decimal, Decimal | None]], periods: Periods
) -> Callable[[Any], Figure]:
    """Figures of rows by their keys.

    One that changes by less than 1 % of all is no news, and no count is by one.
    """
    whole = sum((now for now, _ in found.values()), Decimal(0))
    if kind.form is count:
        whole = max(whole, ONE_IS_SLIGHT)

    def of(key: Any) -> Figure:
        value, earlier = found.get(key) or (Decimal(0), Decimal(0) if periods[1] else None)
        return figure(name, {name: value}, {name: earlier}, kind, whole)

    return of


def reasons_table(churn: Sequence[Row], periods: Periods, last_year: set[date]) -> list[TableRow]:
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
    churned_of = _figures_of("customers_churned", Kind("Customers", count, -1), customers, periods)
    lost_of = _figures_of("mrr_lost_usd", Kind("MRR lost", usd, -1), lost, periods)
    table = []
    for each in sorted(year, key=lambda each: (-year[each], each)):
        churned, amount = churned_of(each), lost_of(each)
        if amount.tone and churned.tone in ("", "noise"):
            # As many left as chance alone makes leave: what they had paid is no news either.
            amount = replace(amount, tone="noise")
        names = dict.fromkeys((reason_name(each[1]), type_name(each[0])))
        in_a_year = Figure(
            "customers_churned_12_months", "12 months", count(year[each]), "", "", ""
        )
        table.append(TableRow(tuple(names), (churned, amount, in_a_year)))
    return table


def type_name(churn_type: str) -> str:
    """A type of churn as people say it."""
    return CHURN_TYPES.get(churn_type, churn_type)


REASONS = {
    "unspecified": "No reason given",
    "lifetime": "Bought for life",
    "free_renewal": "Renewed for free",
    "chargeback": "Charged back",
}
"""Reasons whose word in the marts does not say what it means."""


def reason_name(reason: str) -> str:
    """A reason as people write it: too_expensive is Too expensive."""
    return REASONS.get(reason, reason.replace("_", " ").capitalize())


MRR = Kind("MRR", usd, 1)
NET = Kind("Net revenue", usd, 1)
CUSTOMERS = Kind("Customers", count, 1)


def titles(rows: Iterable[Row], key: str) -> dict[Any, str]:
    """What products go by: their titles, or the ids of those without one."""
    return {row[key]: named(row["title"], row[key]) for row in rows}


def products_table(rows: CompanyRows, periods: Periods) -> list[TableRow]:
    """Products with MRR or revenue in either period, by net revenue of the period."""
    products = titles(rows.products, "product_id")

    def key(row: Row) -> Any:
        return row["product_id"]

    mrr = _two(rows.plan_mrr, key, "mrr_usd", periods)
    net = _two(rows.revenue, key, "net_usd", periods)
    mrr_of = _figures_of("mrr_usd", MRR, mrr, periods)
    net_of = _figures_of("net_usd", NET, net, periods)
    return [
        TableRow((products.get(each, each or "Without a product"),), (mrr_of(each), net_of(each)))
        for each in _ranked(mrr, net)
    ]


def plans_table(rows: CompanyRows, periods: Periods) -> list[TableRow]:
    """Plans with MRR or revenue in either period, by MRR."""
    plans = {row["plan_id"]: row for row in rows.plans}
    products = titles(rows.products, "product_id")

    def key(row: Row) -> Any:
        return row["product_id"], row["plan_id"]

    mrr = _two(rows.plan_mrr, key, "mrr_usd", periods)
    net = _two(rows.revenue, key, "net_usd", periods)
    customers = _two(rows.plan_mrr, key, "customers", periods)
    mrr_of = _figures_of("mrr_usd", MRR, mrr, periods)
    customers_of = _figures_of("customers", CUSTOMERS, customers, periods)
    net_of = _figures_of("net_usd", NET, net, periods)
    found = []
    for product_id, plan_id in _ranked(net, mrr):
        plan = plans.get(plan_id)
        title = named(plan["title"] if plan else None, plan_id or "Without a plan")
        names = (title, products.get(product_id, product_id or ""), _price(plan) if plan else "")
        each = (product_id, plan_id)
        found.append(TableRow(names, (mrr_of(each), customers_of(each), net_of(each))))
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


def currencies_table(revenue: Sequence[Row], periods: Periods) -> list[TableRow]:
    """Revenue by the currency it was paid in; nothing when there is one currency only."""

    def key(row: Row) -> Any:
        return row["currency"]

    gross = _two(revenue, key, "gross_usd", periods)
    net = _two(revenue, key, "net_usd", periods)
    payments = _two(revenue, key, "payments_count", periods)
    if len(gross) < 2:
        return []
    payments_of = _figures_of("payments_count", Kind("Payments", count, 1), payments, periods)
    gross_of = _figures_of("gross_usd", Kind("Gross, in USD", usd, 1), gross, periods)
    net_of = _figures_of("net_usd", Kind("Net, in USD", usd, 1), net, periods)
    return [
        TableRow(((each or "unknown").upper(),), (payments_of(each), gross_of(each), net_of(each)))
        for each in _ranked(payments, gross)
    ]
