"""Tools of the usual questions: a month at a glance, two periods, who is at risk, how fresh."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from typing import Any, Literal

from ..names import MARTS
from .asker import Question, ready_for_json
from .numbers import COMPANY, NOTE, Company, Numbers, first_day, month_property, whole
from .tool import Row, Tool, ToolFailed, arguments

AT_RISK_SHOWN = 100
"""Members that who_is_at_risk names; the totals are of all."""


def usual_tools(numbers: Numbers) -> Iterator[Tool]:
    """The tools."""
    yield Tool(
        name="overview",
        title="A month at a glance",
        text="The numbers of a month (MRR and what moved it, customers, churn, retention, revenue, "
        "refunds, failed payments, trials), those of the month before, and what each means. "
        "Without a month: the one that as_of is in, which is not over yet.",
        schema=arguments({"company_id": COMPANY, "month": month_property("The month")}),
        call=lambda given: _overview(numbers, given),
    )
    yield Tool(
        name="compare_periods",
        title="Compare two periods",
        text="What changed from one period to another; each is one month or several. Amounts and "
        "counts are added up over the months; MRR and customers are as at the end of the last one; "
        "retention and churn rates are there when both periods are one month, for they do not add "
        "up. What is lost (churn_usd, contraction_usd) is below 0: a change below 0 is more lost.",
        schema=arguments(
            {
                "company_id": COMPANY,
                "first_from": month_property("First month of the first period"),
                "first_to": month_property("Its last month; without it, the same"),
                "second_from": month_property("First month of the second period"),
                "second_to": month_property("Its last month; without it, the same"),
            },
            "first_from",
            "second_from",
        ),
        call=lambda given: _compare(numbers, given),
    )
    yield Tool(
        name="who_is_at_risk",
        title="Who is about to leave",
        text="Members with MRR whose next renewal has something against it, the largest first: "
        "canceled for the end of the period, unpaid (due, or a charge failed), paused, or paid by "
        "a card that expires before. Since when, until when it is paid, when Whop tries the charge "
        f"next, how much is unpaid and why. Names the {AT_RISK_SHOWN} largest; the totals are of "
        "all.",
        schema=arguments({"company_id": COMPANY}),
        call=lambda given: _at_risk(numbers, given),
    )
    yield Tool(
        name="data_freshness",
        title="How fresh the numbers are",
        text="As of when the numbers of each company are true, when each table was last read from "
        "Whop, and what could not be read. With company_id, of that company alone.",
        schema=arguments({"company_id": COMPANY}),
        call=lambda given: _freshness(numbers, given),
    )


# -------------------------------------------------------------------------------- measures


@dataclass(frozen=True)
class Measure:
    """One number of a month, and what it is over several."""

    name: str
    mart: Literal["metrics_monthly", "mrr_monthly"]
    over: Literal["sum", "start", "end", "ratio", "month"]
    """Added up; as in the first month, or in the last; of two sums; not to be had."""
    of: tuple[str, str] = ("", "")
    """Of a ratio: what is divided by what."""


def _measures(
    mart: Literal["metrics_monthly", "mrr_monthly"],
    over: Literal["sum", "start", "end", "month"],
    names: str,
) -> tuple[Measure, ...]:
    return tuple(Measure(name, mart, over) for name in names.split())


MEASURES: tuple[Measure, ...] = (
    *_measures("mrr_monthly", "start", "mrr_start_usd customers_start"),
    *_measures(
        "mrr_monthly",
        "sum",
        "new_usd reactivation_usd expansion_usd contraction_usd churn_usd "
        "customers_new customers_reactivated customers_churned",
    ),
    *_measures("mrr_monthly", "end", "mrr_end_usd customers_end"),
    *_measures("metrics_monthly", "end", "mrr_unpaid_usd arr_usd arpu_usd"),
    *_measures("metrics_monthly", "month", "logo_churn_rate nrr grr ltv_usd quick_ratio"),
    *_measures(
        "metrics_monthly",
        "sum",
        "gross_usd refunded_usd charged_back_usd fees_usd net_usd one_time_gross_usd "
        "payments_paid disputes failed_payments recovered_payments at_risk_usd recovered_usd "
        "trials_started trials_converted payments_without_usd payments_without_fees",
    ),
    *_measures("metrics_monthly", "month", "dispute_rate"),
    Measure("refund_rate", "metrics_monthly", "ratio", ("refunded_usd", "gross_usd")),
    Measure("recovery_rate", "metrics_monthly", "ratio", ("recovered_payments", "failed_payments")),
    Measure(
        "trial_conversion_rate",
        "metrics_monthly",
        "ratio",
        ("trials_converted", "trials_started"),
    ),
)


def _there(numbers: Numbers) -> list[Measure]:
    """The measures that this warehouse's models have."""
    columns = numbers.columns()
    missing = {measure.mart for measure in MEASURES} - columns.keys()
    if missing:
        raise ToolFailed(f"{missing.pop()} is not built yet: `whop-elt run` builds it")
    return [measure for measure in MEASURES if measure.name in columns[measure.mart]]


def _months(
    numbers: Numbers, measures: list[Measure], company: Company, since: date, until: date
) -> dict[str, Row]:
    """The measures of each month there is, by its first day; a month without any MRR yet has 0.

    Args:
        numbers: the marts.
        measures: what is wanted.
        company: whose.
        since: first day of the first month.
        until: first day of the last month.
    """
    names = ", ".join(
        f"metrics.{each.name}"
        if each.mart == "metrics_monthly"
        else f"coalesce(mrr.{each.name}, 0) as {each.name}"
        for each in measures
    )
    _, (answer,) = numbers.ask(
        Question(
            f"select metrics.month, {names} from {MARTS}.metrics_monthly as metrics "
            f"left join {MARTS}.mrr_monthly as mrr "
            "on metrics.company_id = mrr.company_id and metrics.month = mrr.month "
            "where metrics.company_id = %s and metrics.month between %s and %s "
            "order by metrics.month",
            (company.company_id, since, until),
        )
    )
    return {str(row.pop("month"))[:10]: row for row in whole(answer)}


def _last_month(numbers: Numbers, company: Company) -> date:
    """First day of the month that is not over yet."""
    _, (answer,) = numbers.ask(
        Question(
            f"select max(month) from {MARTS}.metrics_monthly where company_id = %s",
            (company.company_id,),
        )
    )
    found = answer.rows[0][0]
    if found is None:
        raise ToolFailed(f"Nothing has happened at {company.company_id} yet: there are no months")
    return date.fromisoformat(str(found)[:10])


def _meanings(numbers: Numbers, measures: list[Measure]) -> dict[str, str]:
    return {
        measure.name: numbers.described[measure.mart].columns[measure.name] for measure in measures
    }


# -------------------------------------------------------------------------------- the questions


def _overview(numbers: Numbers, given: Row) -> Row:
    company = numbers.company(given.get("company_id"))
    measures, last = _there(numbers), _last_month(numbers, company)
    month = first_day(given["month"]) if "month" in given else last
    before = _shifted(month, -1)
    found = _months(numbers, measures, company, before, month)
    if str(month) not in found:
        raise ToolFailed(f"There are no numbers for {month:%Y-%m}: the last month is {last:%Y-%m}")
    return {
        **company.stamp,
        "month": f"{month:%Y-%m}",
        "month_is_over": month < last,
        "numbers": found[str(month)],
        "month_before": found.get(str(before)),
        "meanings": _meanings(numbers, measures),
        "note": NOTE,
    }


def _compare(numbers: Numbers, given: Row) -> Row:
    company = numbers.company(given.get("company_id"))
    measures, last = _there(numbers), _last_month(numbers, company)
    periods = {
        which: (
            first_day(given[f"{which}_from"]),
            first_day(given[f"{which}_to" if f"{which}_to" in given else f"{which}_from"]),
        )
        for which in ("first", "second")
    }
    single = all(since == until for since, until in periods.values())
    wanted = [measure for measure in measures if measure.over != "month" or single]
    totals = {}
    for which, (since, until) in periods.items():
        if since > until:
            raise ToolFailed(f"{which}_from is after {which}_to")
        if until > last:
            raise ToolFailed(f"{until:%Y-%m} is still to come: the last month is {last:%Y-%m}")
        found = _months(numbers, wanted, company, since, until)
        if not found:
            raise ToolFailed(f"There are no numbers for {since:%Y-%m} to {until:%Y-%m}")
        totals[which] = {each.name: _over(each, [*found.values()]) for each in wanted}
    return {
        **company.stamp,
        **{
            f"{which}_period": {
                "from": f"{since:%Y-%m}",
                "to": f"{until:%Y-%m}",
                "is_over": until < last,
            }
            for which, (since, until) in periods.items()
        },
        "numbers": {
            each.name: _change(totals["first"][each.name], totals["second"][each.name])
            for each in wanted
        },
        "meanings": _meanings(numbers, wanted),
        "note": NOTE,
    }


def _over(measure: Measure, months: list[Row]) -> Decimal | None:
    """A measure over several months."""
    match measure.over:
        case "sum":
            return sum((_exact(month[measure.name]) or Decimal() for month in months), Decimal())
        case "start":
            return _exact(months[0][measure.name])
        case "ratio":
            top, bottom = (
                sum((_exact(month[name]) or Decimal() for month in months), Decimal())
                for name in measure.of
            )
            with localcontext() as context:
                context.prec = 60
                return round(top / bottom, 9) if bottom else None
        case _:
            return _exact(months[-1][measure.name])


def _change(first: Decimal | None, second: Decimal | None) -> Row:
    known = first is not None and second is not None
    change = second - first if first is not None and second is not None else None
    return {
        "first": ready_for_json(first),
        "second": ready_for_json(second),
        "change": ready_for_json(change),
        "change_percent": (
            ready_for_json(round(100 * change / abs(first), 2))
            if known and change is not None and first
            else None
        ),
    }


def _exact(value: Any) -> Decimal | None:
    """A number as the warehouse has it: `ready_for_json` has lost no digit."""
    return None if value is None else Decimal(str(value))


def _shifted(month: date, by: int) -> date:
    months = month.year * 12 + month.month - 1 + by
    return date(months // 12, months % 12 + 1, 1)


_AT_RISK = f"from {MARTS}.members_at_risk where company_id = %s"


def _at_risk(numbers: Numbers, given: Row) -> Row:
    company = numbers.company(given.get("company_id"))
    values = (company.company_id,)
    _, (totals, largest) = numbers.ask(
        Question(
            "select main_cause as cause, count(*) as members, sum(subscriptions) as subscriptions, "
            "sum(mrr_usd) as mrr_usd, sum(unpaid_usd) as unpaid_usd "
            f"{_AT_RISK} group by main_cause order by main_cause",
            values,
        ),
        Question(
            f"select * {_AT_RISK} order by mrr_usd desc, member_id limit {AT_RISK_SHOWN}", values
        ),
    )
    causes = whole(totals)
    return {
        **company.stamp,
        "members": sum(row["members"] for row in causes),
        "subscriptions": sum(int(row["subscriptions"]) for row in causes),
        "mrr_usd": ready_for_json(
            sum((_exact(row["mrr_usd"]) or Decimal() for row in causes), Decimal())
        ),
        "by_cause": causes,
        "largest": largest.dicts(),
        "cut": largest.cut,
        "note": NOTE,
    }


def _freshness(numbers: Numbers, given: Row) -> Row:
    only = given.get("company_id")
    companies, (answer,) = numbers.ask(
        Question(
            f"select * from {MARTS}.data_freshness where company_id = %s or %s "
            "order by company_id, table_name",
            (only or "", only is None),
        )
    )
    if only is not None and only not in {each.company_id for each in companies}:
        numbers.company(only)
    tables = whole(answer)
    now = datetime.now(UTC)
    ages = [_hours(table, now) for table in tables]
    for table, age in zip(tables, ages, strict=True):
        table["hours_since_read"] = age
    known = [age for age in ages if age is not None]
    return {
        "asked_at": ready_for_json(now.replace(microsecond=0)),
        "true_as_of": [each.stamp for each in companies if only in (None, each.company_id)],
        "stalest_hours": max(known) if known else None,
        "never_read": [table["table_name"] for table in tables if table["last_read_at"] is None],
        "read_from_the_copy_of": answer.copied_at,
        "tables": tables,
        "note": NOTE,
    }


def _hours(table: Mapping[str, Any], now: datetime) -> float | None:
    if table["last_read_at"] is None:
        return None
    return round((now - datetime.fromisoformat(table["last_read_at"])).total_seconds() / 3600, 2)
