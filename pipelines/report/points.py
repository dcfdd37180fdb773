"""What the charts of the report draw."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import Any

from ..figures import count, month_written, usd
from .charts.heat import AVERAGE
from .figures import CHURN_TYPES, KINDS, MOVEMENTS, Form, month_name
from .queries import CompanyRows, Row
from .tables import PRODUCTS_SHOWN, reason_name, titles, type_name


def points_of(
    rows: CompanyRows, months: Sequence[Row], last_year: set[date]
) -> dict[str, list[Row]]:
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
            ("Charged back", itemgetter("charged_back_usd"), usd),
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
    types = CHURN_TYPES | {each: type_name(each) for _, each in churned if each not in CHURN_TYPES}
    drawn["churn_types"] = [
        _point(
            month["month"],
            name,
            churned[month["month"], each],
            count,
            under_way=month is months[-1],
        )
        for month in months
        for each, name in types.items()
    ]
    drawn["reasons"] = [
        {
            "name": reason_name(reason),
            "kind": type_name(churn_type),
            "value": number,
            "written": count(number),
            "says": f"{type_name(churn_type)}, {reason_name(reason)}: {count(number)}",
        }
        for (churn_type, reason), number in sorted(reasons.items(), key=lambda each: -each[1])
        if number
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
        "month": month,
        "under_way": under_way,
        "kind": kind,
        "value": float(value),
        "written": form(value),
        "says": f"{month_name(month)}{so_far}, {kind}: {form(value)}",
    }


def _cohorts(cohorts: Sequence[Row], shown: set[date]) -> list[Row]:
    points = [
        {
            "month": row["cohort_month"],
            "kind": "",
            "name": f"{month_written(row['cohort_month'], short=True)} · "
            f"{count(row['customers_in_cohort'])}",
            "months_since": row["months_since"],
            "value": float(row["retention_rate"]),
            "says": f"Customers of {month_name(row['cohort_month'])}, after {row['months_since']} "
            f"months: {count(row['customers_retained'])} of {count(row['customers_in_cohort'])}",
        }
        for row in cohorts
        if row["cohort_month"] in shown
    ]
    return points + _averages([row for row in cohorts if row["cohort_month"] in shown])


def _averages(cohorts: Sequence[Row]) -> list[Row]:
    """A row below the others: of all customers who can be that old, how many are there."""
    if len({row["cohort_month"] for row in cohorts}) < 2:
        return []
    there: dict[int, int] = defaultdict(int)
    began: dict[int, int] = defaultdict(int)
    for row in cohorts:
        there[row["months_since"]] += row["customers_retained"]
        began[row["months_since"]] += row["customers_in_cohort"]
    return [
        {
            "month": AVERAGE,
            "kind": "",
            "name": "All together",
            "months_since": since,
            "value": there[since] / began[since],
            "says": f"All together, after {since} months: {count(there[since])} of "
            f"{count(began[since])}",
        }
        for since in sorted(began)
        if began[since]
    ]


def _product_bars(rows: CompanyRows, last_year: set[date]) -> list[Row]:
    products = titles(rows.products, "product_id")
    net: dict[Any, Decimal] = defaultdict(Decimal)
    for row in rows.revenue:
        if row["month"] in last_year:
            net[row["product_id"]] += row["net_usd"]
    ranked = sorted(net, key=lambda each: (-net[each], str(each)))[:PRODUCTS_SHOWN]
    return [
        {
            "name": products.get(each, each or "Without a product"),
            "kind": "Net revenue",
            "value": float(net[each]),
            "written": usd(net[each]),
            "says": f"{products.get(each, each or 'Without a product')}: {usd(net[each])}",
        }
        for each in ranked
        if net[each]
    ]
