"""The rows that a number may be the sum of, as queries.

They read marts alone, so that they also run on the readers' copy and as a role that may read
nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from .names import MARTS


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


def covering(bound: str, times: int = 1) -> Source:
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


def movements(kinds: str) -> Source:
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


def movers(kind: str) -> Source:
    """Members with a movement of a kind, one each."""
    return Source(
        rows="select member_id, movement_date, movement_type, mrr_before_usd, mrr_after_usd, "
        "churn_type, churn_reason, churned_membership_id as membership_id, 1 as value "
        f"from {MARTS}.mrr_movements where company_id = {{company}} "
        f"and movement_date >= {{month}} and movement_date < {{following}} "
        f"and movement_type = '{kind}'",
        needs=("mrr_movements.mrr_change_usd",),
    )


def customers(bound: str) -> Source:
    """Members with MRR on the last day before a bound, one each."""
    return Source(
        rows="select member_id, max(movement_date) as last_changed_on, "
        "sum(mrr_change_usd) as mrr_usd, 1 as value "
        f"from {MARTS}.mrr_movements where company_id = {{company}} and movement_date < {bound} "
        "group by member_id having sum(mrr_change_usd) <> 0",
        needs=("mrr_movements.mrr_change_usd",),
    )


_START = "sum(case when movement_date < {month} then mrr_change_usd else 0 end)"


def of_the_start(value: str, base: str) -> Source:
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


def payments(day: str, value: str, where: str = "1 = 1") -> Source:
    """Payments by a day of theirs."""
    return Source(
        rows=f"select {_PAYMENT}, {day} as happened_on, currency, net_amount, fx, "
        f"coalesce({value}, 0) as value from {MARTS}.fct_payments where company_id = {{company}} "
        f"and {day} >= {{month}} and {day} < {{following}} and {where}",
        needs=(f"fct_payments.{day}",),
    )


def money_back(column: str) -> Source:
    """Refunds and charge-backs, each on its own day."""
    return Source(
        rows="select payment_id, member_id, membership_id, plan_id, date as happened_on, "
        f"{column} as value from {MARTS}.fct_money_back where company_id = {{company}} "
        "and date >= {month} and date < {following}",
        needs=(f"fct_money_back.{column}",),
    )


def net() -> Source:
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


def by_day(column: str) -> Source:
    """Days, products and plans, where a warehouse of an earlier release has nothing finer."""
    return Source(
        rows=f"select date, product_id, plan_id, currency, {column} as value "
        f"from {MARTS}.revenue_daily where company_id = {{company}} "
        "and date >= {month} and date < {following}",
        needs=(f"revenue_daily.{column}",),
    )


def trials(where: str = "1 = 1") -> Source:
    """Memberships that began as a trial."""
    return Source(
        rows="select membership_id, member_id, plan_id, trial_started_at, is_converted, "
        f"1 as value from {MARTS}.fct_trials where company_id = {{company}} "
        f"and trial_started_date >= {{month}} and trial_started_date < {{following}} and {where}",
        needs=("fct_trials.is_converted",),
    )
