"""What is not the same in two readings of the same marts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from warehouse import Warehouse

from oracle.basics import Marts, Row

KEYS: dict[str, tuple[str, ...]] = {
    "fct_payments": ("payment_id",),
    "fct_subscription_periods": ("payment_id",),
    "fct_subscriptions": ("membership_id",),
    "mrr_movements": ("member_id", "movement_date"),
    "mrr_monthly": ("month",),
    "mrr_daily": ("date",),
    "mrr_daily_by_plan": ("date", "product_id", "plan_id"),
    "mrr_daily_by_segment": ("date", "dimension", "value"),
    "mrr_monthly_by_segment": ("month", "dimension", "value"),
    "metrics_monthly_by_segment": ("month", "dimension", "value"),
    "churn_monthly": ("month", "churn_type", "churn_reason"),
    "metrics_monthly": ("month",),
    "cohort_retention_monthly": ("cohort_month", "months_since"),
    "cohort_retention_monthly_by_plan": ("cohort_month", "plan_id", "months_since"),
    "revenue_recognition_monthly": ("month",),
    "revenue_daily": ("date", "product_id", "plan_id", "currency"),
    "dim_members": ("member_id",),
    "member_contacts": ("member_id",),
    "dim_products": ("product_id",),
    "dim_plans": ("plan_id",),
    "dim_promo_codes": ("promo_code_id",),
    "dim_companies": (),
    "plan_history": ("plan_id", "valid_from"),
    "data_freshness": ("table_name",),
    "membership_history": ("membership_id", "valid_from"),
    "upcoming_renewals": ("membership_id",),
    "committed_mrr_monthly": ("months_ahead",),
    "members_at_risk": ("member_id",),
    "dunning_monthly": ("month", "decline_reason"),
    "promo_code_results": ("promo_code_id",),
    "affiliate_results": ("affiliate_id",),
    "deferred_revenue_waterfall": ("received_month", "earning_month"),
    "ledger": ("ledger_line_id",),
    "payouts": ("payout_id",),
    "fees_by_type_monthly": ("month", "currency", "fee_type", "component"),
    "cash_differences": ("currency", "month", "component", "reference_id"),
    "cash_reconciliation": ("month", "currency"),
    "whop_comparison": ("month", "metric"),
}

PERSONAL = ("member_contacts",)
"""Marts in a schema of their own, as they say who somebody is."""

EXACT = {"mrr_usd", "mrr_before_usd", "mrr_after_usd", "mrr_change_usd"}
MONEY_TOO = {
    *("whop_value", "our_value", "dates_difference", "tax_difference", "currency_difference"),
    *("disputes_difference", "other_fees_difference", "grace_difference", "paused_difference"),
    *("instalments_difference", "unexplained_difference"),
}
"""Columns of money that share a name with counts and percentages."""
RATIO = Decimal("1e-9")
MONEY = Decimal("1e-6")
SHOWN = 12
"""Differences printed per column of a mart; the rest is counted."""


def read_marts(warehouse: Warehouse) -> Marts:
    """Every mart that is compared, as the models have built it."""
    personal = f"{warehouse.schema}_personal"
    return {
        mart: warehouse.read(mart, personal) if mart in PERSONAL else warehouse.read(mart)
        for mart in KEYS
    }


def differs(column: str, ours: Any, theirs: Any) -> bool:
    """Whether two values are not the same number, day, moment or text."""
    if ours is None or theirs is None:
        return ours is not theirs
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is not theirs
    if isinstance(ours, Decimal | int):
        if not isinstance(theirs, Decimal | int | float):
            return True
        if column.endswith("_usd") or column in MONEY_TOO:
            if isinstance(theirs, float):  # money is decimal, never float
                return True
            return abs(Decimal(ours) - Decimal(theirs)) > (0 if column in EXACT else MONEY)
        apart = abs(Decimal(ours) - Decimal(theirs))
        return bool(apart > RATIO * max(Decimal(1), abs(Decimal(ours))))
    return type(ours) is not type(theirs) or bool(ours != theirs)


def keyed(mart: str, rows: list[Row]) -> tuple[dict[tuple[Any, ...], Row], list[str]]:
    names = ("company_id", *KEYS[mart])
    by_key: dict[tuple[Any, ...], Row] = {}
    twice = []
    for row in rows:
        key = tuple(row.get(name) for name in names)
        if key in by_key:
            twice.append(f"{mart} {dict(zip(names, key, strict=True))}: key occurs twice")
        by_key[key] = row
    return by_key, twice


def differences(mart: str, oracle: list[Row], dbt: list[Row]) -> list[str]:
    """What is not the same, a line each: mart, company, key, column, both values."""
    ours, twice = keyed(mart, oracle)
    theirs, doubled = keyed(mart, dbt)
    lines: dict[str, list[str]] = {"keys": twice + doubled}

    def place(key: tuple[Any, ...]) -> str:
        named = " ".join(f"{n}={k}" for n, k in zip(KEYS[mart], key[1:], strict=True))
        return f"{mart} {key[0]} {named}"

    for key in ours.keys() - theirs.keys():
        lines.setdefault("missing", []).append(f"{place(key)}: row missing in dbt: {ours[key]}")
    for key in theirs.keys() - ours.keys():
        lines.setdefault("extra", []).append(f"{place(key)}: row only in dbt: {theirs[key]}")
    absent = {column for row in oracle[:1] for column in row} - {c for r in dbt[:1] for c in r}
    if dbt and absent:
        lines["columns"] = [f"{mart}: no column {', '.join(sorted(absent))}"]
    for key in ours.keys() & theirs.keys():
        for column, value in ours[key].items():
            if column not in absent and differs(column, value, theirs[key][column]):
                lines.setdefault(column, []).append(
                    f"{place(key)} {column}: oracle {value!s} dbt {theirs[key][column]!s}"
                )
    report = []
    for found in lines.values():
        report += sorted(found)[:SHOWN]
        if len(found) > SHOWN:
            report.append(f"... and {len(found) - SHOWN} more like these")
    return report
