"""Each number that can be explained: the rule that counts, and the rows it is the sum of.

One place for the command line, Python and agents.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext

from .explained_rows import (
    Source,
    by_day,
    covering,
    customers,
    money_back,
    movements,
    movers,
    net,
    of_the_start,
    payments,
    trials,
)

RATIO = Decimal("1e-9")
"""Ratios are rounded to this, half away from zero, as the marts round them."""


@dataclass(frozen=True)
class Explained:
    """A number, and where it comes from: the finest rows first."""

    name: str
    mart: str
    sources: tuple[Source, ...]
    rule: str
    """Which rows count, and as what."""
    formula: str = ""
    """Of a number that is made of others in the same row: how."""
    parts: tuple[str, ...] = ()
    is_ratio: bool = False

    @property
    def counted(self) -> str:
        """Which rows of a source are part of it, as SQL."""
        return f"where {'base' if self.is_ratio else 'value'} <> 0"

    @property
    def sums(self) -> str:
        """What the rows of a source add up to, as SQL: the value and, of a ratio, the base."""
        base = "coalesce(sum(base), 0)" if self.is_ratio else "1"
        return f"coalesce(sum(value), 0) as value, {base} as base"

    def made_of(self, value: Decimal, base: Decimal) -> Decimal | None:
        """The number that rows with these sums make; None where the marts have none."""
        if not self.is_ratio:
            return value
        if base == 0:
            return None
        with localcontext(prec=60):
            return (value / base).quantize(RATIO, ROUND_HALF_UP)


_MOVEMENT_RULES = {
    "new": "Members whose MRR rose from 0 and who never had any before: what began that day.",
    "reactivation": "Members whose MRR rose from 0 and who had some before: what began that day.",
    "expansion": "Members whose MRR rose from more than 0: what began less what ended that day.",
    "contraction": "Members whose MRR fell, not to 0: what began less what ended that day.",
    "churn": "Members whose MRR fell to 0: what ended that day. A period ends when it was paid for "
    "until, and, when nobody canceled, when Whop has given up to charge again (grace_days).",
}
_MRR_RULE = (
    "Each paid payment of a renewal plan is MRR on the days its period covers: the price that "
    "comes back each period / the period's months, in US dollars at the rate of the first "
    "payment of the run. Counted are the periods that cover {day}."
)
_START_RULE = "Of members with MRR on the last day before the month: "

EXPLAINED: tuple[Explained, ...] = (
    *(
        Explained(f"{kind}_usd", "mrr_monthly", (movements(f"'{kind}'"),), rule)
        for kind, rule in _MOVEMENT_RULES.items()
    ),
    *(
        Explained(name, "mrr_monthly", (movers(kind),), rule)
        for name, kind, rule in (
            ("customers_new", "new", "Members with MRR for the first time."),
            ("customers_reactivated", "reactivation", "Members with MRR again."),
            ("customers_churned", "churn", "Each fall of a member's MRR to 0."),
        )
    ),
    Explained(
        "mrr_start_usd",
        "mrr_monthly",
        (covering("{month}"),),
        _MRR_RULE.format(day="the last day before the month"),
    ),
    Explained(
        "customers_start",
        "mrr_monthly",
        (customers("{month}"),),
        "Members with MRR on the last day before the month.",
    ),
    Explained(
        "mrr_end_usd",
        "mrr_monthly",
        (covering("{following}"),),
        _MRR_RULE.format(day="the last day of the month, or today"),
        "mrr_start_usd + new_usd + reactivation_usd + expansion_usd + contraction_usd + churn_usd",
        (
            "mrr_start_usd",
            "new_usd",
            "reactivation_usd",
            "expansion_usd",
            "contraction_usd",
            "churn_usd",
        ),
    ),
    Explained(
        "customers_end",
        "mrr_monthly",
        (customers("{following}"),),
        "Members with MRR on the last day of the month, or today.",
    ),
    Explained(
        "arr_usd",
        "metrics_monthly",
        (covering("{following}", 12),),
        "12 times the MRR of the end of the month.",
        "12 * mrr_end_usd",
        ("mrr_end_usd",),
    ),
    Explained(
        "customers_lost",
        "metrics_monthly",
        (of_the_start("case when mrr_end_usd = 0 then 1 else 0 end", "1"),),
        _START_RULE + "those without any at its end.",
    ),
    Explained(
        "logo_churn_rate",
        "metrics_monthly",
        (of_the_start("case when mrr_end_usd = 0 then 1 else 0 end", "1"),),
        _START_RULE + "the share without any at its end.",
        "sum of value / sum of base",
        ("customers_lost", "customers_start"),
        is_ratio=True,
    ),
    Explained(
        "nrr",
        "metrics_monthly",
        (of_the_start("mrr_end_usd", "mrr_start_usd"),),
        _START_RULE + "their MRR at its end, over their MRR then.",
        "sum of value / sum of base",
        ("starting_members_mrr_end_usd", "mrr_start_usd"),
        is_ratio=True,
    ),
    Explained(
        "grr",
        "metrics_monthly",
        (
            of_the_start(
                "case when mrr_end_usd < mrr_start_usd then mrr_end_usd else mrr_start_usd end",
                "mrr_start_usd",
            ),
        ),
        _START_RULE + "the smaller of each one's MRR then and at its end, over their MRR then.",
        "sum of value / sum of base",
        ("starting_members_mrr_kept_usd", "mrr_start_usd"),
        is_ratio=True,
    ),
    Explained(
        "gross_usd",
        "metrics_monthly",
        (payments("paid_date", "gross_usd"), by_day("gross_usd")),
        "Payments with status paid, on the day they were paid, without tax, in US dollars.",
    ),
    Explained(
        "one_time_gross_usd",
        "metrics_monthly",
        (payments("paid_date", "one_time_gross_usd"),),
        "What of a paid payment does not come back: set-up fees, lifetime plans, instalments.",
    ),
    Explained(
        "refunded_usd",
        "metrics_monthly",
        (
            money_back("refunded_usd"),
            payments("refunded_date", "refunded_usd"),
            by_day("refunded_usd"),
        ),
        "Each refund on its own day, without its tax, in US dollars.",
    ),
    Explained(
        "charged_back_usd",
        "metrics_monthly",
        (money_back("charged_back_usd"), by_day("charged_back_usd")),
        "What lost disputes took, on the day the dispute began, at most what was not refunded.",
    ),
    Explained(
        "fees_usd",
        "metrics_monthly",
        (payments("paid_date", "fees_usd"), by_day("fees_usd")),
        "What Whop kept of a paid payment, on the day it was paid; an unknown fee counts as 0.",
    ),
    Explained(
        "net_usd",
        "metrics_monthly",
        (net(), by_day("net_usd")),
        "What was paid, less what was refunded, charged back and kept as a fee, each on its day.",
        "gross_usd - refunded_usd - charged_back_usd - fees_usd (those of them that there are)",
        ("gross_usd", "refunded_usd", "charged_back_usd", "fees_usd"),
    ),
    Explained(
        "payments_paid",
        "metrics_monthly",
        (payments("paid_date", "1", "is_paid"),),
        "Payments with status paid, on the day they were paid.",
    ),
    Explained(
        "failed_payments",
        "metrics_monthly",
        (payments("created_date", "1", "is_failed"),),
        "Payments made in the month that failed at least once.",
    ),
    Explained(
        "recovered_payments",
        "metrics_monthly",
        (payments("created_date", "1", "is_recovered"),),
        "Payments made in the month that failed and were paid in the end.",
    ),
    Explained(
        "at_risk_usd",
        "metrics_monthly",
        (payments("created_date", "amount_usd", "is_failed"),),
        "The amounts of payments made in the month that failed at least once, without tax.",
    ),
    Explained(
        "trials_started",
        "metrics_monthly",
        (trials(),),
        "Memberships begun in the month on a plan that had a trial then.",
    ),
    Explained(
        "trials_converted",
        "metrics_monthly",
        (trials("is_converted"),),
        "Trials begun in the month that have paid a recurring price since.",
    ),
)
BY_NAME = {each.name: each for each in EXPLAINED}

ALIASES = {
    "mrr": "mrr_end_usd",
    "arr": "arr_usd",
    "customers": "customers_end",
    "trials": "trials_started",
    "churn_rate": "logo_churn_rate",
    **{name.removesuffix("_usd"): name for name in BY_NAME if name.endswith("_usd")},
}
"""Short names that people type."""
