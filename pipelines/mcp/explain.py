"""A number of a month down to the rows it is the sum of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from ..names import MARTS
from .asker import Question, ready_for_json
from .numbers import COMPANY, NOTE, Company, Numbers, first_day, month_property
from .tool import Row, Tool, ToolFailed, arguments

MOST_BYTES = 30_000
"""Bytes of rows that are shown; the sum is of all."""


@dataclass(frozen=True)
class Source:
    """Rows that a number may be the sum of."""

    rows: str
    """A query of them; one column is `value`, what the row adds to the number."""
    needs: tuple[str, ...]
    """Columns that must be there, as `mart.column`."""
    span: Literal["during", "before", "until"] = "during"
    """Rows of the month; those before it; or those until its end."""

    def question(self, select: str, company: Company, month: date, tail: str = "") -> Question:
        """Something about the rows."""
        following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
        days = {"during": (month, following), "before": (month,), "until": (following,)}[self.span]
        return Question(
            f"select {select} from ({self.rows}) as parts {tail}",
            (company.company_id, *days),
            most_bytes=MOST_BYTES,
        )


@dataclass(frozen=True)
class Explained:
    """A number, and where it comes from: the finest rows first."""

    name: str
    mart: str
    sources: tuple[Source, ...]
    formula: str = ""
    """Of a number that is made of others in the same row: how."""
    parts: tuple[str, ...] = ()


def _movements(kinds: str, value: str) -> Source:
    """Movements of these kinds."""
    return Source(
        rows="select member_id, movement_date, movement_type, mrr_before_usd, mrr_after_usd, "
        f"churn_type, churn_reason, churned_membership_id, {value} as value "
        f"from {MARTS}.mrr_movements where company_id = %s "
        f"and movement_date >= %s and movement_date < %s and movement_type in ({kinds})",
        needs=("mrr_movements.mrr_change_usd",),
    )


def _balance(span: Literal["before", "until"], value: str) -> Source:
    """Members with MRR at a moment, by all movements up to it."""
    return Source(
        rows=f"select member_id, max(movement_date) as last_changed_on, {value} as value "
        f"from {MARTS}.mrr_movements where company_id = %s and movement_date < %s "
        "group by member_id having sum(mrr_change_usd) <> 0",
        needs=("mrr_movements.mrr_change_usd",),
        span=span,
    )


def _payments(day: str, value: str, where: str = "1 = 1") -> Source:
    """Payments by a day of theirs."""
    return Source(
        rows="select payment_id, member_id, membership_id, plan_id, status, substatus, "
        f"{day} as happened_on, coalesce({value}, 0) as value from {MARTS}.fct_payments "
        f"where company_id = %s and {day} >= %s and {day} < %s and {where}",
        needs=(f"fct_payments.{day}",),
    )


def _by_day(column: str) -> Source:
    """Days, products and plans: what no single payment tells, such as a refund in two parts."""
    return Source(
        rows=f"select date, product_id, plan_id, currency, {column} as value "
        f"from {MARTS}.revenue_daily where company_id = %s and date >= %s and date < %s",
        needs=(f"revenue_daily.{column}",),
    )


_NET = ("gross_usd", "refunded_usd", "charged_back_usd", "fees_usd")

EXPLAINED: tuple[Explained, ...] = (
    *(
        Explained(f"{kind}_usd", "mrr_monthly", (_movements(f"'{kind}'", "mrr_change_usd"),))
        for kind in ("new", "reactivation", "expansion", "contraction", "churn")
    ),
    Explained("customers_new", "mrr_monthly", (_movements("'new'", "1"),)),
    Explained("customers_reactivated", "mrr_monthly", (_movements("'reactivation'", "1"),)),
    Explained("customers_churned", "mrr_monthly", (_movements("'churn'", "1"),)),
    Explained("mrr_start_usd", "mrr_monthly", (_balance("before", "sum(mrr_change_usd)"),)),
    Explained("customers_start", "mrr_monthly", (_balance("before", "1"),)),
    Explained(
        "mrr_end_usd",
        "mrr_monthly",
        (_balance("until", "sum(mrr_change_usd)"),),
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
    Explained("customers_end", "mrr_monthly", (_balance("until", "1"),)),
    Explained(
        "gross_usd", "metrics_monthly", (_payments("paid_date", "gross_usd"), _by_day("gross_usd"))
    ),
    Explained(
        "one_time_gross_usd", "metrics_monthly", (_payments("paid_date", "one_time_gross_usd"),)
    ),
    Explained(
        "refunded_usd",
        "metrics_monthly",
        (_payments("refunded_date", "refunded_usd"), _by_day("refunded_usd")),
    ),
    Explained("charged_back_usd", "metrics_monthly", (_by_day("charged_back_usd"),)),
    Explained(
        "fees_usd", "metrics_monthly", (_payments("paid_date", "fees_usd"), _by_day("fees_usd"))
    ),
    Explained(
        "net_usd",
        "metrics_monthly",
        (_by_day("net_usd"),),
        "gross_usd - refunded_usd - charged_back_usd - fees_usd (those of them that there are)",
        _NET,
    ),
    Explained("payments_paid", "metrics_monthly", (_payments("paid_date", "1", "is_paid"),)),
    Explained("failed_payments", "metrics_monthly", (_payments("created_date", "1", "is_failed"),)),
    Explained(
        "recovered_payments", "metrics_monthly", (_payments("created_date", "1", "is_recovered"),)
    ),
    Explained(
        "at_risk_usd", "metrics_monthly", (_payments("created_date", "amount_usd", "is_failed"),)
    ),
)
_BY_NAME = {each.name: each for each in EXPLAINED}


def explain_tools(numbers: Numbers) -> Iterator[Tool]:
    """The tool."""
    yield Tool(
        name="explain_number",
        title="What a number is made of",
        text="A number of a month, and the rows it is the sum of: members whose MRR moved, "
        "payments that were paid, refunded or failed. `adds_up` says whether they make the number "
        "to the last digit; when not all rows fit, `not_shown` is what the others add.",
        schema=arguments(
            {
                "company_id": COMPANY,
                "number": {
                    "type": "string",
                    "enum": [each.name for each in EXPLAINED],
                    "description": "Which number, as overview names it.",
                },
                "month": month_property("The month"),
            },
            "number",
            "month",
        ),
        call=lambda given: _explain(numbers, given),
    )


def _explain(numbers: Numbers, given: Row) -> Row:
    company = numbers.company(given.get("company_id"))
    explained, month = _BY_NAME[given["number"]], first_day(given["month"])
    columns = numbers.columns()
    there = {f"{mart}.{column}" for mart, of_mart in columns.items() for column in of_mart}
    if f"{explained.mart}.{explained.name}" not in there:
        raise ToolFailed(f"These models have no {explained.name}")
    sources = [each for each in explained.sources if there.issuperset(each.needs)]
    if not sources:
        raise ToolFailed(f"The marts that {explained.name} is made of are not there")
    parts = [each for each in explained.parts if f"{explained.mart}.{each}" in there]
    names = ", ".join([explained.name, *parts])
    _, (told, *sums) = numbers.ask(
        Question(
            f"select {names} from {MARTS}.{explained.mart} where company_id = %s and month = %s",
            (company.company_id, month),
        ),
        *(
            source.question(
                "count(*) as of_rows, coalesce(sum(value), 0) as total",
                company,
                month,
                "where value <> 0",
            )
            for source in sources
        ),
    )
    if not told.rows:
        raise ToolFailed(f"There are no numbers for {month:%Y-%m}")
    numbers_told = told.dicts()[0]
    number = _exact(numbers_told[explained.name])
    totals = [(int(each.rows[0][0]), _exact(each.rows[0][1])) for each in sums]
    # The first whose rows make the number; else the last, and it is said that they do not.
    chosen = next((at for at, (_, total) in enumerate(totals) if total == number), len(totals) - 1)
    _, (rows,) = numbers.ask(
        sources[chosen].question("*", company, month, "where value <> 0 order by abs(value) desc")
    )
    count, total = totals[chosen]
    shown = rows.dicts()
    shown_total = sum((_exact(row["value"]) for row in shown), Decimal())
    return {
        **company.stamp,
        "number": explained.name,
        "month": given["month"],
        "is": numbers_told[explained.name],
        "meaning": numbers.described[explained.mart].columns[explained.name],
        "formula": explained.formula or None,
        "parts": {name: numbers_told[name] for name in parts} or None,
        "rows_are_of": sources[chosen].needs[0].partition(".")[0],
        "rows": shown,
        "rows_add_up_to": ready_for_json(total),
        "adds_up": total == number,
        "not_shown": {"rows": count - len(shown), "value": ready_for_json(total - shown_total)},
        "note": NOTE,
    }


def _exact(value: Any) -> Decimal:
    """A number as the warehouse has it: `ready_for_json` has lost no digit."""
    return Decimal(str(value))
