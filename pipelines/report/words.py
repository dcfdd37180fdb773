"""Says in a few sentences what happened in a month, and what to do about it: by rules, no guesses.

`**` stands around what is to be read first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ..figures import NOTHING, count, counted, percent, usd
from .ahead import Outlook
from .figures import month_name
from .queries import Row
from .tables import reason_name

USUAL_MONTHS = 12
"""Months before that say what is usual."""

NO_REASON = "unspecified"
"""What the marts call it when who canceled picked no reason."""

FEWEST_USUAL = 3
"""With fewer of them nothing is usual yet."""


@dataclass(frozen=True)
class Sentence:
    """A sentence, and what it is about."""

    about: str
    text: str

    @property
    def parts(self) -> list[tuple[str, bool]]:
        """The text in pieces, and whether each stands out."""
        pieces = self.text.split("**")
        return [(piece, bool(place % 2)) for place, piece in enumerate(pieces) if piece]

    @property
    def plain(self) -> str:
        """The text without marks."""
        return self.text.replace("**", "")


def sentences(
    now: Row,
    earlier: Sequence[Row],
    churn: Sequence[Row],
    outlook: Outlook,
    *,
    is_over: bool = True,
) -> list[Sentence]:
    """Return three to five sentences about a month.

    Args:
        now: the month, as the report's query of months has it.
        earlier: the months before it, oldest first.
        churn: rows of churn_monthly.
        outlook: what is known of the next months.
        is_over: whether the month is; a young account has none that is.
    """
    found = [
        _mrr(now, earlier) if is_over or now["mrr_start_usd"] else _begun(now),
        _left(now, earlier, churn),
        _money(now, earlier),
        _at_risk(outlook),
        _due(outlook),
    ]
    return [Sentence(*each) for each in found if each]


def _mrr(now: Row, earlier: Sequence[Row]) -> tuple[str, str]:
    change = now["mrr_end_usd"] - now["mrr_start_usd"]
    month = month_name(now["month"])
    if not now["mrr_start_usd"]:
        return "mrr", f"MRR began: **{usd(now['mrr_end_usd'])}** at the end of {month}."
    gained = now["new_usd"] + now["reactivation_usd"] + now["expansion_usd"]
    lost = -(now["churn_usd"] + now["contraction_usd"])
    if usd(change) == usd(Decimal(0)):
        return "mrr", f"MRR stayed at **{usd(now['mrr_end_usd'])}** in {month}."
    grew = change > 0
    share = percent(abs(change) / now["mrr_start_usd"])
    best = max((row["mrr_end_usd"] for row in earlier), default=None)
    record = (
        ", more than ever"
        if grew and best is not None and len(earlier) >= USUAL_MONTHS and now["mrr_end_usd"] > best
        else ""
    )
    return "mrr", (
        f"MRR {'grew' if grew else 'fell'} by **{usd(abs(change))}** ({share}) to "
        f"**{usd(now['mrr_end_usd'])}** in {month}{record}: "
        f"{usd(gained)} came, {usd(lost)} went."
    )


def _begun(now: Row) -> tuple[str, str]:
    return "mrr", f"MRR is **{usd(now['mrr_end_usd'])}** in {month_name(now['month'])} so far."


def _left(now: Row, earlier: Sequence[Row], churn: Sequence[Row]) -> tuple[str, str] | None:
    start, lost = int(now["customers_start"]), int(now["customers_lost"])
    if not start:
        return None
    if not lost:
        return "churn", f"**Nobody** of {counted(start, 'customer')} left."
    text = (
        f"**{count(lost)}** of {counted(start, 'customer')} left "
        f"(**{percent(Decimal(lost) / start)}**)"
    )
    usual = earlier[-USUAL_MONTHS:]
    before = sum(int(row["customers_start"]) for row in usual)
    if len(usual) >= FEWEST_USUAL and before:
        rate = Decimal(sum(int(row["customers_lost"]) for row in usual)) / before
        likely = rate * start
        # By more than chance alone would: see figures._is_noise.
        if (lost - likely) ** 2 > 4 * max(likely, Decimal(1)):
            text += f", {'more' if lost > likely else 'fewer'} than the usual {percent(rate)}"
        else:
            text += f", as usual ({percent(rate)})"
    reasons: dict[str, int] = {}
    for row in churn:
        if row["month"] == now["month"]:
            reason = str(row["churn_reason"])
            reasons[reason] = reasons.get(reason, 0) + int(row["customers_churned"])
    if reasons:
        silent = reasons.pop(NO_REASON, 0)
        top = min(reasons, key=lambda each: (-reasons[each], each), default="")
        if top and reasons[top] > 1:
            text += f"; the most frequent reason: {reason_name(top).lower()} ({reasons[top]})"
            if silent > reasons[top]:
                text += f", and {silent} gave none"
    return "churn", f"{text}."


def _money(now: Row, earlier: Sequence[Row]) -> tuple[str, str] | None:
    if not now["gross_usd"]:
        return None
    back = now["refunded_usd"] + now["charged_back_usd"]
    share = back / now["gross_usd"]
    text = f"**{usd(now['net_usd'])}** stayed of {usd(now['gross_usd'])} paid"
    if back:
        text += f"; {usd(back)} went back ({percent(share)})"
        usual = earlier[-USUAL_MONTHS:]
        gross = sum((row["gross_usd"] for row in usual), Decimal(0))
        if len(usual) >= FEWEST_USUAL and gross:
            rate = (
                sum((row["refunded_usd"] + row["charged_back_usd"] for row in usual), Decimal(0))
                / gross
            )
            if rate and share > 2 * rate:
                text += f", more than twice the usual {percent(rate)}"
    return "revenue", f"{text}."


def _at_risk(outlook: Outlook) -> tuple[str, str] | None:
    if not outlook.members:
        return None
    parts = ", ".join(
        f"{count(risk.members)} {risk.said}" for risk in outlook.risks if risk.members
    )
    text = (
        f"**{counted(outlook.members, 'member')}** with **{usd(outlook.mrr_usd)}** of MRR may "
        f"leave now: {parts}."
    )
    first = outlook.risks[0]
    return "at_risk", f"{text} Begin with those {first.said}. {first.advice}"


def _due(outlook: Outlook) -> tuple[str, str] | None:
    month = next((due for due in outlook.due if due.days == 30), None)
    if month is None:
        return None
    due = f"In the next 30 days {month.renewals} renewals are due, "
    if month.expected == NOTHING:
        return "renewals", (
            f"{due}**{month.due}**; how much of it comes nobody can tell, as none was due before."
        )
    least = "at least " if month.is_least else ""
    return "renewals", (
        f"{due}{month.due}; as renewals have gone of late, {least}**{month.expected}** of it "
        "should come."
    )
