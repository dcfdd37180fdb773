"""Says in a sentence what Whop's dashboard shows beside our number, and which rules make that."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from .destination import MARTS
from .errors import NothingThere
from .figures import month_written, usd
from .reading import Warehouse

_METRICS: Mapping[str, str] = {
    "monthly_recurring_revenue": "MRR at the end of",
    "net_revenue": "net revenue in",
    "gross_revenue": "gross revenue in",
}
"""In the order in which an owner asks: the first that Whop has is told."""

REASONS: Mapping[str, str] = {
    "grace": "it counts nobody who is late to pay",
    "paused": "it counts nobody who is paused",
    "instalments": "it counts prices in instalments",
    "tax": "it counts sales tax",
    "currency": "it changes money at other days' rates",
    "disputes": "it counts disputes when they are opened",
    "other_fees": "it takes off fees of disputes and payouts",
    "dates": "it counts other days",
    "unexplained": "of something we cannot explain",
}
"""Rule → the words for it; a column of the mart each."""

CENT = Decimal("0.01")


def told_beside_whop(warehouse: Warehouse, company_id: str) -> str | None:
    """Return what Whop's dashboard says of the last full month, what we say, and why.

    Args:
        warehouse: one whose models are built.
        company_id: the company.

    Returns:
        None where the key may not read Whop's statistics, or an earlier release built the marts.
    """
    columns = ", ".join(f"{rule}_difference" for rule in REASONS)
    try:
        _, rows = warehouse.query(
            f"""select metric, month, whop_value, our_value, {columns}
                from {MARTS}.whop_comparison
                where company_id = %s and month < (
                  select max(month) from {MARTS}.whop_comparison where company_id = %s
                )
                order by month desc""",
            company_id,
            company_id,
        )
    except NothingThere:
        return None
    latest = [row for row in rows if row[1] == rows[0][1]]
    for metric, words in _METRICS.items():
        for name, month, theirs, ours, *amounts in latest:
            if name == metric:
                said = f"Whop's dashboard says {usd(theirs)} of {words} {month_written(month)}"
                parts = dict(zip(REASONS, amounts, strict=True))
                return f"{said}, {_ours(ours, parts)}"
    return None


def _ours(ours: Decimal, parts: Mapping[str, Decimal]) -> str:
    told = {rule: amount for rule, amount in parts.items() if abs(amount) >= CENT}
    if not told:
        return "and we say the same"
    largest = sorted(told.items(), key=lambda part: (-abs(part[1]), part[0]))
    reasons = [
        f"{REASONS[rule]} ({'+' if amount > 0 else ''}{usd(amount)})" for rule, amount in largest
    ]
    return f"we say {usd(ours)}, because {_listed(reasons)}"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])}, and {parts[-1]}"
