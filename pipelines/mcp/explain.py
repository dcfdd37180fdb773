"""A number of a month down to the rows it is the sum of."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ..explained import BY_NAME, EXPLAINED
from ..explained_rows import Scope, Source
from ..names import MARTS
from .asker import Question, ready_for_json
from .numbers import COMPANY, NOTE, Numbers, first_day, month_property
from .tool import Row, Tool, ToolFailed, arguments

MOST_BYTES = 30_000
"""Bytes of rows that are shown; the sum is of all."""


def _question(source: Source, select: str, scope: Scope, tail: str = "") -> Question:
    """Something about the rows."""
    return Question(
        f"select {select} from ({source.query(scope)}) as parts {tail}", most_bytes=MOST_BYTES
    )


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
    # It brings dlt, and a client waits for the start.
    from ..settings.variables import reporting_timezone

    company = numbers.company(given.get("company_id"))
    explained, month = BY_NAME[given["number"]], first_day(given["month"])
    scope = Scope(company.company_id, month, reporting_timezone())
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
            _question(
                source,
                f"count(*) as of_rows, {explained.sums}",
                scope,
                explained.counted,
            )
            for source in sources
        ),
    )
    if not told.rows:
        raise ToolFailed(f"There are no numbers for {month:%Y-%m}")
    numbers_told = told.dicts()[0]
    said = numbers_told[explained.name]
    number = None if said is None else _exact(said)
    found = [
        (int(count), _exact(value), _exact(base))
        for ((count, value, base),) in (e.rows for e in sums)
    ]
    made = [explained.made_of(value, base) for _, value, base in found]
    # The first whose rows make the number; else the last, and it is said that they do not.
    chosen = next((at for at, total in enumerate(made) if total == number), len(made) - 1)
    _, (rows,) = numbers.ask(
        _question(sources[chosen], "*", scope, f"{explained.counted} order by abs(value) desc")
    )
    count, total, _ = found[chosen]
    shown = rows.dicts()
    shown_total = sum((_exact(row["value"]) for row in shown), Decimal())
    return {
        **company.stamp,
        "number": explained.name,
        "month": given["month"],
        "is": numbers_told[explained.name],
        "meaning": numbers.described[explained.mart].columns[explained.name],
        "rule": explained.rule,
        "formula": explained.formula or None,
        "parts": {name: numbers_told[name] for name in parts} or None,
        "rows_are_of": sources[chosen].needs[0].partition(".")[0],
        "rows": shown,
        "rows_add_up_to": ready_for_json(total),
        "adds_up": made[chosen] == number,
        "not_shown": {"rows": count - len(shown), "value": ready_for_json(total - shown_total)},
        "note": NOTE,
    }


def _exact(value: Any) -> Decimal:
    """A number as the warehouse has it: `ready_for_json` has lost no digit."""
    return Decimal(str(value))
