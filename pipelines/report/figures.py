"""The figures of the report: what each is called, how it is written, and how a change is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from ..figures import MINUS, count, month_written, percent, ratio, usd
from .queries import Row

Form = Callable[[Any], str]


@dataclass(frozen=True)
class Kind:
    """A figure of `metrics_monthly` or `mrr_monthly`: what it is called, written and wished."""

    label: str
    form: Form
    better: int = 0
    """1 when more is better, -1 when less is, 0 when neither."""
    explained: str = ""
    """What an unfamiliar word means, where it stands."""


# What of a month may still be recovered or convert is neither good nor bad news yet.
KINDS: dict[str, Kind] = {
    "mrr_start_usd": Kind("MRR at the start", usd),
    "new_usd": Kind("New", usd, 1, "of members who were never customers before"),
    "reactivation_usd": Kind("Reactivation", usd, 1, "of members who came back"),
    "expansion_usd": Kind("Expansion", usd, 1, "what members added who stayed"),
    "contraction_usd": Kind("Contraction", usd, 1, "what members took away who stayed"),
    "churn_usd": Kind("Churn", usd, 1, "of members who left"),
    "mrr_end_usd": Kind("MRR at the end", usd, 1),
    "arr_usd": Kind("Annual run rate", usd, 1, "MRR at the end x 12"),
    "quick_ratio": Kind("Quick ratio", ratio, 1, "MRR gained / MRR lost; above 1 it grows"),
    "customers_start": Kind("Customers at the start", count),
    "customers_new": Kind("New", count, 1),
    "customers_reactivated": Kind("Came back", count, 1),
    "customers_churned": Kind(
        "Churned", count, -1, "each time a member left, of those too who came in the month"
    ),
    "customers_end": Kind("Customers at the end", count, 1),
    "arpu_usd": Kind("MRR per customer", usd, 1),
    "ltv_usd": Kind(
        "Lifetime value", usd, 0, "MRR per customer / churn: what one brings, if nothing changes"
    ),
    "customers_lost": Kind(
        "Customers lost", count, -1, "of those at the start, who were none at the end"
    ),
    "logo_churn_rate": Kind("Customer churn", percent, -1),
    "nrr": Kind(
        "Net revenue retention",
        percent,
        1,
        "of the MRR at the start, what the same customers bring at the end",
    ),
    "grr": Kind("Gross revenue retention", percent, 1, "the same, without what they added"),
    "gross_usd": Kind("Gross revenue", usd, 1),
    "refunded_usd": Kind("Refunded", usd, -1),
    "charged_back_usd": Kind("Charged back", usd, -1),
    "fees_usd": Kind("Fees", usd),
    "net_usd": Kind("Net revenue", usd, 1),
    "one_time_gross_usd": Kind("Of the gross, one-time", usd),
    "refund_rate": Kind("Refund rate", percent, -1),
    "payments_paid": Kind("Paid payments", count),
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

SHORT = {
    "mrr_end_usd": "MRR",
    "customers_end": "Customers",
    "recovery_rate": "Failed payments recovered",
}
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
        "charged_back_usd",
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

CHURN_TYPES = {
    "voluntary": "Canceled",
    "involuntary": "Failed or charged back",
    "lapsed": "Not renewed",
    "free": "Goes on free",
}


@dataclass(frozen=True)
class Figure:
    """One figure of a period, and of the one before."""

    name: str
    label: str
    now: str
    before: str
    change: str
    tone: str
    """`good`, `bad`, `noise` (chance alone could have done it), or nothing: it is neither."""
    explained: str = ""


def figure(
    name: str,
    now: Row,
    before: Row | None = None,
    kind: Kind | None = None,
    whole: Decimal | None = None,
) -> Figure:
    """A figure of two rows that have it under its name; `whole` is what it is a part of."""
    kind = kind or KINDS[name]
    value, earlier = now[name], before[name] if before else None
    change, direction = _change(value, earlier, kind.form)
    tone = {1: "good", -1: "bad"}.get(direction * kind.better, "")
    if tone and before:
        slight = whole and value is not None and abs(value - (earlier or 0)) * 100 < whole
        if slight or _is_noise(name, now, before):
            tone = "noise"
    return Figure(
        name, kind.label, kind.form(value), kind.form(earlier), change, tone, kind.explained
    )


COUNTED = {"logo_churn_rate": "customers_lost", "dispute_rate": "disputes"}
"""Shares that hang on a few events, and how many those were."""

PARTS_OF = {
    **dict.fromkeys(MOVEMENTS, "mrr_start_usd"),
    **dict.fromkeys(("refunded_usd", "charged_back_usd"), "gross_usd"),
    "arpu_usd": "arpu_usd",
}
"""Amounts that a few members make: what they change by matters from 1 % of another amount on."""

MADE_OF = {"quick_ratio": ("customers_new", "customers_churned")}
"""Ratios of what members come and go with: news when the number of one of them is."""

EVENTS = frozenset(
    (
        *("customers_new", "customers_reactivated", "customers_churned", "customers_lost"),
        *("failed_payments", "trials_started", "disputes"),
    )
)
"""Figures that count what happened."""


def _is_noise(name: str, now: Row, before: Row) -> bool:
    """Whether a month's count differs from the last by less than chance makes it differ.

    Events that have nothing to do with each other, n in a month, vary by the root of n; what two
    months differ by, by the root of both together. One less counts, as events are whole: 2 and
    none is what chance does every other time.
    """
    name = {"refund_rate": "refunded_usd"}.get(name, name)
    whole = now.get(PARTS_OF.get(name, ""))
    if whole and now[name] is not None and before[name] is not None:
        return bool(abs(now[name] - before[name]) * 100 < whole)
    if name in MADE_OF:
        return all(_is_noise(each, now, before) for each in MADE_OF[name])
    if name in {"nrr", "grr"}:
        return _is_of_few(now[name] - before[name], now, before)
    counted = COUNTED.get(name, name)
    if counted not in EVENTS or now.get(counted) is None or before.get(counted) is None:
        return False
    first, second = int(now[counted]), int(before[counted])
    return max(abs(first - second) - 1, 0) ** 2 <= first + second


def _is_of_few(change: Decimal, now: Row, before: Row) -> bool:
    """Whether as many average customers make a change of retention as chance loses more or less."""
    if not now.get("customers_start") or before.get("customers_lost") is None:
        return False
    lost = int(now["customers_lost"]) + int(before["customers_lost"])
    return bool((change * now["customers_start"]) ** 2 <= lost)


def short(figure: Figure) -> Figure:
    """The figure under its short name, if it has one."""
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


def month_name(day: date) -> str:
    """The month a day is in, in words."""
    return month_written(day)
