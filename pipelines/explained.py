"""Each number that can be explained: the rule that counts, and the query of its rows.

One place for the command line, Python and agents. The queries read marts alone, so that they also
run on the readers' copy and as a role that may read nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext

from .names import MARTS

RATIO = Decimal("1e-9")
"""Ratios are rounded to this, half away from zero, as the marts round them."""


@dataclass(frozen=True)
class Scope:
    """What a number is of: a company's month, in the time zone its days are of."""

    company_id: str
    month: date
    zone: str = "UTC"

    @property
    def following(self) -> date:
        """The first day of the month after."""
        return date(self.month.year + self.month.month // 12, self.month.month % 12 + 1, 1)


@dataclass(frozen=True)
class Source:
    """Rows that a number may be the sum of."""

    rows: str
    """A query of them. `value` is what a row adds to the number; of a ratio, `value` adds to what
    is above the line and `base` to what is below. In braces: company, month, following, zone."""
    needs: tuple[str, ...]
    """Columns that must be there, as `mart.column`."""

    def query(self, scope: Scope) -> str:
        """The SQL of the rows, ready to run or to paste."""
        return self.rows.format(
            company=_text(scope.company_id),
            month=f"date '{scope.month}'",
            following=f"date '{scope.following}'",
            zone=_text(scope.zone),
        )


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


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


_AS_OF = f"(select as_of from {MARTS}.dim_companies where company_id = {{company}})"


def _day(moment: str) -> str:
    """The day of a moment in the zone of the numbers."""
    return f"cast(timezone({{zone}}, {moment}) as date)"


_PERIODS = (
    "fct_subscription_periods.mrr_usd",
    "dim_companies.as_of",
    "mrr_movements.mrr_change_usd",
)


def _covering(bound: str, times: int = 1) -> Source:
    """Periods that cover the last day before a bound. One that has not ended by as_of covers it."""
    value = "mrr_usd" if times == 1 else f"{times} * mrr_usd"
    return Source(
        rows="select member_id, membership_id, payment_id, plan_id, period_start, period_end, "
        f"billing_period_days, currency, recurring_price, rate, mrr_usd, {value} as value "
        f"from {MARTS}.fct_subscription_periods where company_id = {{company}} "
        f"and {_day('period_start')} < {bound} "
        f"and ({_day('period_end')} >= {bound} or period_end > {_AS_OF})",
        needs=_PERIODS,
    )


def _movements(kinds: str) -> Source:
    """What began and what ended on the days of these movements, by membership."""
    edges = (
        "select company_id, member_id, membership_id, payment_id, "
        f"{_day('period_start')} as movement_date, mrr_usd as change_usd "
        f"from {MARTS}.fct_subscription_periods where company_id = {{company}} "
        "union all select company_id, member_id, membership_id, payment_id, "
        f"{_day('period_end')}, -mrr_usd from {MARTS}.fct_subscription_periods "
        f"where company_id = {{company}} and period_end <= {_AS_OF}"
    )
    moved = (
        "moved.member_id, edges.membership_id, moved.movement_date, moved.movement_type, "
        "moved.mrr_before_usd, moved.mrr_after_usd, moved.churn_type, moved.churn_reason"
    )
    return Source(
        rows=f"select {moved}, "
        "string_agg(distinct edges.payment_id, ', ' order by edges.payment_id) as payment_ids, "
        "sum(edges.change_usd) as value "
        f"from {MARTS}.mrr_movements as moved join ({edges}) as edges "
        "on edges.member_id = moved.member_id and edges.movement_date = moved.movement_date "
        "where moved.company_id = {company} and moved.movement_date >= {month} "
        f"and moved.movement_date < {{following}} and moved.movement_type in ({kinds}) "
        f"group by {moved} having sum(edges.change_usd) <> 0",
        needs=_PERIODS,
    )


def _movers(kind: str) -> Source:
    """Members with a movement of a kind, one each."""
    return Source(
        rows="select member_id, movement_date, movement_type, mrr_before_usd, mrr_after_usd, "
        "churn_type, churn_reason, churned_membership_id as membership_id, 1 as value "
        f"from {MARTS}.mrr_movements where company_id = {{company}} "
        f"and movement_date >= {{month}} and movement_date < {{following}} "
        f"and movement_type = '{kind}'",
        needs=("mrr_movements.mrr_change_usd",),
    )


def _customers(bound: str) -> Source:
    """Members with MRR on the last day before a bound, one each."""
    return Source(
        rows="select member_id, max(movement_date) as last_changed_on, "
        "sum(mrr_change_usd) as mrr_usd, 1 as value "
        f"from {MARTS}.mrr_movements where company_id = {{company}} and movement_date < {bound} "
        "group by member_id having sum(mrr_change_usd) <> 0",
        needs=("mrr_movements.mrr_change_usd",),
    )


_START = "sum(case when movement_date < {month} then mrr_change_usd else 0 end)"


def _of_the_start(value: str, base: str) -> Source:
    """Members who were customers when the month began: their MRR then and at its end."""
    return Source(
        rows="select member_id, mrr_start_usd, mrr_end_usd, "
        f"{value} as value, {base} as base from (select member_id, {_START} as mrr_start_usd, "
        f"sum(mrr_change_usd) as mrr_end_usd from {MARTS}.mrr_movements "
        "where company_id = {company} and movement_date < {following} "
        f"group by member_id having {_START} > 0) as members",
        needs=("mrr_movements.mrr_change_usd",),
    )


_PAYMENT = "payment_id, member_id, membership_id, plan_id, status, substatus, billing_reason"


def _payments(day: str, value: str, where: str = "1 = 1") -> Source:
    """Payments by a day of theirs."""
    return Source(
        rows=f"select {_PAYMENT}, {day} as happened_on, currency, net_amount, fx, "
        f"coalesce({value}, 0) as value from {MARTS}.fct_payments where company_id = {{company}} "
        f"and {day} >= {{month}} and {day} < {{following}} and {where}",
        needs=(f"fct_payments.{day}",),
    )


def _money_back(column: str) -> Source:
    """Refunds and charge-backs, each on its own day."""
    return Source(
        rows="select payment_id, member_id, membership_id, plan_id, date as happened_on, "
        f"{column} as value from {MARTS}.fct_money_back where company_id = {{company}} "
        "and date >= {month} and date < {following}",
        needs=(f"fct_money_back.{column}",),
    )


def _net() -> Source:
    """What was paid, and what of it went again."""
    during = "where company_id = {company} and {day} >= {{month}} and {day} < {{following}}"
    pieces = (
        ("gross", "paid_date", "coalesce(gross_usd, 0)", "fct_payments"),
        ("fees", "paid_date", "-coalesce(fees_usd, 0)", "fct_payments"),
        ("refunded", "date", "-refunded_usd", "fct_money_back"),
        ("charged back", "date", "-charged_back_usd", "fct_money_back"),
    )
    return Source(
        rows=" union all ".join(
            f"select payment_id, member_id, membership_id, plan_id, '{what}' as what, "
            f"{day} as happened_on, {value} as value from {MARTS}.{mart} "
            + during.format(company="{company}", day=day)
            for what, day, value, mart in pieces
        ),
        needs=("fct_payments.paid_date", "fct_money_back.refunded_usd"),
    )


def _by_day(column: str) -> Source:
    """Days, products and plans, where a warehouse of an earlier release has nothing finer."""
    return Source(
        rows=f"select date, product_id, plan_id, currency, {column} as value "
        f"from {MARTS}.revenue_daily where company_id = {{company}} "
        "and date >= {month} and date < {following}",
        needs=(f"revenue_daily.{column}",),
    )


def _trials(where: str = "1 = 1") -> Source:
    """Memberships that began as a trial."""
    return Source(
        rows="select membership_id, member_id, plan_id, trial_started_at, is_converted, "
        f"1 as value from {MARTS}.fct_trials where company_id = {{company}} "
        f"and trial_started_date >= {{month}} and trial_started_date < {{following}} and {where}",
        needs=("fct_trials.is_converted",),
    )


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
        Explained(f"{kind}_usd", "mrr_monthly", (_movements(f"'{kind}'"),), rule)
        for kind, rule in _MOVEMENT_RULES.items()
    ),
    *(
        Explained(name, "mrr_monthly", (_movers(kind),), rule)
        for name, kind, rule in (
            ("customers_new", "new", "Members with MRR for the first time."),
            ("customers_reactivated", "reactivation", "Members with MRR again."),
            ("customers_churned", "churn", "Each fall of a member's MRR to 0."),
        )
    ),
    Explained(
        "mrr_start_usd",
        "mrr_monthly",
        (_covering("{month}"),),
        _MRR_RULE.format(day="the last day before the month"),
    ),
    Explained(
        "customers_start",
        "mrr_monthly",
        (_customers("{month}"),),
        "Members with MRR on the last day before the month.",
    ),
    Explained(
        "mrr_end_usd",
        "mrr_monthly",
        (_covering("{following}"),),
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
        (_customers("{following}"),),
        "Members with MRR on the last day of the month, or today.",
    ),
    Explained(
        "arr_usd",
        "metrics_monthly",
        (_covering("{following}", 12),),
        "12 times the MRR of the end of the month.",
        "12 * mrr_end_usd",
        ("mrr_end_usd",),
    ),
    Explained(
        "customers_lost",
        "metrics_monthly",
        (_of_the_start("case when mrr_end_usd = 0 then 1 else 0 end", "1"),),
        _START_RULE + "those without any at its end.",
    ),
    Explained(
        "logo_churn_rate",
        "metrics_monthly",
        (_of_the_start("case when mrr_end_usd = 0 then 1 else 0 end", "1"),),
        _START_RULE + "the share without any at its end.",
        "sum of value / sum of base",
        ("customers_lost", "customers_start"),
        is_ratio=True,
    ),
    Explained(
        "nrr",
        "metrics_monthly",
        (_of_the_start("mrr_end_usd", "mrr_start_usd"),),
        _START_RULE + "their MRR at its end, over their MRR then.",
        "sum of value / sum of base",
        ("starting_members_mrr_end_usd", "mrr_start_usd"),
        is_ratio=True,
    ),
    Explained(
        "grr",
        "metrics_monthly",
        (
            _of_the_start(
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
        (_payments("paid_date", "gross_usd"), _by_day("gross_usd")),
        "Payments with status paid, on the day they were paid, without tax, in US dollars.",
    ),
    Explained(
        "one_time_gross_usd",
        "metrics_monthly",
        (_payments("paid_date", "one_time_gross_usd"),),
        "What of a paid payment does not come back: set-up fees, lifetime plans, instalments.",
    ),
    Explained(
        "refunded_usd",
        "metrics_monthly",
        (
            _money_back("refunded_usd"),
            _payments("refunded_date", "refunded_usd"),
            _by_day("refunded_usd"),
        ),
        "Each refund on its own day, without its tax, in US dollars.",
    ),
    Explained(
        "charged_back_usd",
        "metrics_monthly",
        (_money_back("charged_back_usd"), _by_day("charged_back_usd")),
        "What lost disputes took, on the day the dispute began, at most what was not refunded.",
    ),
    Explained(
        "fees_usd",
        "metrics_monthly",
        (_payments("paid_date", "fees_usd"), _by_day("fees_usd")),
        "What Whop kept of a paid payment, on the day it was paid; an unknown fee counts as 0.",
    ),
    Explained(
        "net_usd",
        "metrics_monthly",
        (_net(), _by_day("net_usd")),
        "What was paid, less what was refunded, charged back and kept as a fee, each on its day.",
        "gross_usd - refunded_usd - charged_back_usd - fees_usd (those of them that there are)",
        ("gross_usd", "refunded_usd", "charged_back_usd", "fees_usd"),
    ),
    Explained(
        "payments_paid",
        "metrics_monthly",
        (_payments("paid_date", "1", "is_paid"),),
        "Payments with status paid, on the day they were paid.",
    ),
    Explained(
        "failed_payments",
        "metrics_monthly",
        (_payments("created_date", "1", "is_failed"),),
        "Payments made in the month that failed at least once.",
    ),
    Explained(
        "recovered_payments",
        "metrics_monthly",
        (_payments("created_date", "1", "is_recovered"),),
        "Payments made in the month that failed and were paid in the end.",
    ),
    Explained(
        "at_risk_usd",
        "metrics_monthly",
        (_payments("created_date", "amount_usd", "is_failed"),),
        "The amounts of payments made in the month that failed at least once, without tax.",
    ),
    Explained(
        "trials_started",
        "metrics_monthly",
        (_trials(),),
        "Memberships begun in the month on a plan that had a trial then.",
    ),
    Explained(
        "trials_converted",
        "metrics_monthly",
        (_trials("is_converted"),),
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
