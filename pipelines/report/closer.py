"""What the report's script has to choose from: months by product, plan and country, as JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ..figures import month_written
from ..titles import named
from .queries import CompanyRows, Row
from .tables import titles

COLUMNS = (
    "mrr_end_usd",
    "customers_end",
    "customers_start",
    "customers_lost",
    "gross_usd",
    "refunded_usd",
    "net_usd",
)
SHOWN = {"product": 10, "plan": 20, "country": 15}
"""The most values of each dimension: the largest by what they brought in these months."""

GROUPS = {"product": "Products", "plan": "Plans", "country": "Countries"}


def closer_look(rows: CompanyRows, months: Sequence[Row]) -> str:
    """Months and segments as JSON that can stand in a page.

    Amounts are US dollars, null where a segment has no row.
    """
    places = {row["month"]: place for place, row in enumerate(months)}
    series: list[dict[str, Any]] = [
        {"name": "All", "group": "", "rows": [_cells(row) for row in months]}
    ]
    by_value: dict[tuple[str, str], dict[int, Row]] = defaultdict(dict)
    for row in rows.segments:
        if row["month"] in places:
            by_value[row["dimension"], row["value"]][places[row["month"]]] = row
    names = {
        "product": titles(rows.products, "product_id"),
        "plan": titles(rows.plans, "plan_id"),
        "country": {},
    }
    for dimension, most in SHOWN.items():
        by_gross = [
            (sum((row["gross_usd"] for row in by_month.values()), Decimal(0)), value, by_month)
            for (of, value), by_month in by_value.items()
            if of == dimension
        ]
        ranked = sorted(by_gross, key=lambda each: (-each[0], each[1]))[:most]
        series += [
            {
                "name": named(names[dimension].get(value), _plain(value)),
                "group": GROUPS[dimension],
                "rows": [
                    _cells(by_month[place]) if place in by_month else None
                    for place in range(len(months))
                ],
            }
            for gross, value, by_month in ranked
            if gross
        ]
    found_months = [month_written(row["month"], short=True) for row in months]
    found = {"months": found_months, "under_way": len(months) - 1, "series": series}
    text = json.dumps(found, ensure_ascii=False)
    # Within an element of a page: nothing may look like its end.
    return text.replace("<", "\\u003c").replace("&", "\\u0026").replace(">", "\\u003e")


def _plain(value: str) -> str:
    return "Not known" if value == "none" else value


def _cells(row: Row) -> list[Any]:
    return [
        int(row[name])
        if name.startswith("customers")
        # Not to the cent: what is added up on the page is rounded once.
        else float(Decimal(row[name] or 0).quantize(Decimal("0.000001"), ROUND_HALF_UP))
        for name in COLUMNS
    ]
