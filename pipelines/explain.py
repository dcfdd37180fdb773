"""Takes a number of a month apart: into the rows it is the sum of, down to payments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .destination import DATASET
from .errors import NothingThere, PipelineError, SettingError
from .explained import ALIASES, BY_NAME, Explained
from .explained_rows import Scope, Source
from .figures import NOTHING, counted
from .names import MARTS
from .reading import Reader, open_reader, tell_copy
from .restated import of_metric
from .settings.variables import reporting_timezone
from .titles import printable

ROWS_SHOWN = 40
"""Rows of a table in the terminal; the CSV has all."""

_WIDEST = 240
"""Columns of text that a table may take; a terminal wraps what is longer."""

MONTH = re.compile(r"[1-9]\d{3}-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Explanation:
    """A number, and what it is made of.

    Attributes:
        name: the number, as its mart names it.
        mart: where it stands.
        company_id: whose it is.
        month: its first day.
        number: what the mart says; None where it has none, as a share of nothing.
        rule: which rows count, and as what.
        formula: of a number made of others, how.
        parts: those others, by name.
        columns: names of the columns of the rows.
        rows: the rows; `value` is what each adds, of a ratio above the line, `base` below it.
        made: what the rows make.
        sql: the query of the rows, for BI.
        notes: what a reader has to know, a sentence each.
    """

    name: str
    mart: str
    company_id: str
    month: date
    number: Decimal | None
    rule: str
    formula: str
    parts: dict[str, Decimal | None]
    columns: list[str]
    rows: list[tuple[Any, ...]]
    made: Decimal | None
    sql: str
    notes: list[str] = field(default_factory=list)

    @property
    def adds_up(self) -> bool:
        """Whether the rows make the number, to the last digit."""
        return self.made == self.number

    @property
    def payment_ids(self) -> list[str]:
        """The payments that the rows name, each once."""
        places = [at for at, name in enumerate(self.columns) if name in _PAYMENT_COLUMNS]
        found = (str(row[at]).split(", ") for row in self.rows for at in places if row[at])
        return sorted({each for ids in found for each in ids})


_PAYMENT_COLUMNS = {"payment_id", "payment_ids"}


def explain(
    destination: str,
    metric: str,
    month: str,
    company_id: str | None = None,
    *,
    restated: bool = False,
) -> Explanation:
    """Explain a number of a month, also while a run is under way.

    Args:
        destination: duckdb, postgres or filesystem; or SPARK.
        metric: the number: a column of mrr_monthly or metrics_monthly that has an explanation, or a
            short name, such as mrr or net.
        month: as in 2025-12.
        company_id: whose; needed where there are several companies.
        restated: not the number but its move since the month was closed and first told of: the
            rows are the causes of that.

    Raises:
        SettingError: there is no such number, month or company.
        NothingThere: the marts are not built.
        PipelineError: the database refuses.
    """
    with open_reader(destination) as warehouse:
        return explain_in(warehouse, metric, month, company_id, restated=restated)


def explain_in(
    warehouse: Reader,
    metric: str,
    month: str,
    company_id: str | None = None,
    *,
    restated: bool = False,
) -> Explanation:
    """The same, of a warehouse that is open; see `explain`."""
    explained = number_named(metric)
    company = company_of(warehouse, company_id)
    scope = Scope(company, month_named(month), reporting_timezone())
    if restated:
        return _move(warehouse, explained, scope)
    names = ", ".join((explained.name, *explained.parts))
    told = warehouse.query(
        f"select {names} from {MARTS}.{explained.mart} where company_id = %s and month = %s",
        company,
        scope.month,
    )[1]
    if not told:
        raise SettingError(f"There are no numbers of {company} for {month}")
    number, *parts = told[0]
    number = None if number is None else Decimal(number)
    source, columns, rows = _rows(warehouse, explained, scope, number)
    return Explanation(
        name=explained.name,
        mart=explained.mart,
        company_id=company,
        month=scope.month,
        number=number,
        rule=explained.rule,
        formula=explained.formula,
        parts=dict(zip(explained.parts, parts, strict=True)),
        columns=columns,
        rows=rows,
        made=_made(explained, columns, rows),
        sql=source.query(scope),
        notes=_notes(warehouse) + _moved(warehouse, explained, scope),
    )


def _move(warehouse: Reader, explained: Explained, scope: Scope) -> Explanation:
    """The move of a number, and its causes."""
    told = warehouse.query(_MOVE, scope.company_id, explained.name, scope.month)[1]
    if not told:
        raise SettingError(
            f"{explained.name} of {scope.month:%Y-%m} is what it was when it was first told of"
        )
    if explained.is_ratio:
        raise SettingError(
            f"{explained.name} moves with what it is made of: ask for "
            f"{' or '.join(explained.parts)}"
        )
    (reported_at, was, now, change) = told[0]
    columns, rows = of_metric(warehouse, scope.company_id, explained.name, scope.month)
    return Explanation(
        name=f"the move of {explained.name}",
        mart="restatements",
        company_id=scope.company_id,
        month=scope.month,
        number=change,
        rule=f"As of {reported_at:%Y-%m-%d %H:%M} UTC, when the month was first told of as a "
        "closed one, it was another number; each row is a membership, or a member, "
        "that has changed since.",
        formula="now - was",
        parts={"was": was, "now": now},
        columns=columns,
        rows=rows,
        made=sum((Decimal(row[columns.index("value")]) for row in rows), Decimal()),
        sql=f"select * from {MARTS}.restatement_causes where company_id = '{scope.company_id}' "
        f"and metric = '{explained.name}' and month = date '{scope.month}'",
        notes=_notes(warehouse),
    )


_MOVE = (
    f"select reported_at, was, now, change from {MARTS}.restatements "
    "where company_id = %s and metric = %s and month = %s"
)


def _notes(warehouse: Reader) -> list[str]:
    return [tell_copy(warehouse.copied_at) + "."] if warehouse.copied_at else []


def _moved(warehouse: Reader, explained: Explained, scope: Scope) -> list[str]:
    """That the number is not what it was, if so."""
    try:
        told = warehouse.query(_MOVE, scope.company_id, explained.name, scope.month)[1]
    except NothingThere:
        return []
    return [
        f"When the month was first told of, as of {reported_at:%Y-%m-%d %H:%M} UTC, it was "
        f"{_figure(was)}: --restated says why it moved by {_figure(change)}."
        for reported_at, was, _, change in told
    ]


def _rows(
    warehouse: Reader, explained: Explained, scope: Scope, number: Decimal | None
) -> tuple[Source, list[str], list[tuple[Any, ...]]]:
    """The finest rows that make the number; else the coarsest, which do not add up."""
    found: tuple[Source, list[str], list[tuple[Any, ...]]] | None = None
    missing: NothingThere | None = None
    for source in explained.sources:
        try:
            columns, rows = warehouse.query(
                f"select * from ({source.query(scope)}) as parts {explained.counted} "
                "order by abs(value) desc, member_id"
                if "member_id" in source.rows
                else f"select * from ({source.query(scope)}) as parts {explained.counted} "
                "order by abs(value) desc"
            )
        except NothingThere as error:
            missing = error
            continue
        found = source, columns, rows
        if _made(explained, columns, rows) == number:
            break
    if found is None:
        raise missing or NothingThere(f"Nothing to explain {explained.name} by is there yet")
    return found


def _made(
    explained: Explained, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> Decimal | None:
    def total(name: str) -> Decimal:
        place = columns.index(name)
        return sum((Decimal(row[place]) for row in rows), Decimal())

    base = total("base") if explained.is_ratio else Decimal(1)
    return explained.made_of(total("value"), base)


def raw_rows(
    warehouse: Reader, explanation: Explanation
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The payments of an explanation as Whop sent them, with every column of the raw table.

    Raises:
        PipelineError: only the copy for readers can be read, which has no raw tables; or this role
            may not read them.
    """
    if warehouse.copied_at:
        raise PipelineError(
            "The raw rows are in the warehouse, which is open elsewhere for writing: ask again "
            "when that has ended"
        )
    ids = explanation.payment_ids
    if not ids:
        raise SettingError(f"{explanation.name} is counted by member, not by payment: no --raw")
    columns: list[str] = []
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(ids), 500):
        chosen = ids[start : start + 500]
        marks = ", ".join(["%s"] * len(chosen))
        columns, rows = warehouse.query(
            f"select * from {DATASET}.payments where id in ({marks}) order by id", *chosen
        )
        found += rows
    return columns, found


def number_named(metric: str) -> Explained:
    """The number of that name, or short name.

    Raises:
        SettingError: there is none.
    """
    name = metric.strip().lower().replace("-", "_")
    name = ALIASES.get(name, name)
    if name not in BY_NAME:
        raise SettingError(
            f"There is no number {metric} to explain; there are: {', '.join(BY_NAME)}"
        )
    return BY_NAME[name]


def month_named(month: str) -> date:
    """The first day of a month that is written as in 2025-12.

    Raises:
        SettingError: it is written otherwise.
    """
    if not MONTH.fullmatch(month.strip()):
        raise SettingError(f"{month!r} is no month; one looks like 2025-12")
    return date.fromisoformat(f"{month.strip()}-01")


def company_of(warehouse: Reader, company_id: str | None) -> str:
    """The company that is meant.

    Raises:
        SettingError: there is none of that id, or several to choose from.
    """
    rows = warehouse.query(f"select company_id from {MARTS}.dim_companies order by company_id")[1]
    there = [str(row[0]) for row in rows]
    if company_id in there or (company_id is None and len(there) == 1):
        return company_id or there[0]
    listed = ", ".join(there) or "none"
    if company_id is None:
        raise SettingError(f"Name a company with --company; there are: {listed}")
    raise SettingError(f"No company {company_id} in {warehouse.location}; there are: {listed}")


def show(explanation: Explanation, console: Console) -> None:
    """Print an explanation for people."""
    console.print(
        Text.assemble(
            (explanation.name, "bold"),
            f" of {explanation.month:%B %Y} is ",
            (_figure(explanation.number), "bold"),
            f"  ({explanation.company_id}, {MARTS}.{explanation.mart})",
        ),
        soft_wrap=True,
    )
    console.print(Text(explanation.rule), soft_wrap=True)
    if explanation.formula:
        console.print(Text(f"It is {explanation.formula}:", style="dim"), soft_wrap=True)
        for name, value in explanation.parts.items():
            console.print(Text(f"  {name}  {_figure(value)}", style="dim"))
    console.print()
    show_rows(explanation.columns, explanation.rows, console)
    make = "makes" if len(explanation.rows) == 1 else "make"
    console.print(
        Text(
            f"{counted(len(explanation.rows), 'row')} {make} {_figure(explanation.made)}"
            + (
                ": to the last digit."
                if explanation.adds_up
                else f", and not {_figure(explanation.number)}. Run `whop-elt transform`."
            ),
            style="" if explanation.adds_up else "bold red",
        )
    )
    for note in explanation.notes:
        console.print(Text(note), soft_wrap=True)


def show_rows(columns: Sequence[str], rows: Sequence[tuple[Any, ...]], console: Console) -> None:
    """Print the first rows; columns without a value in any of them are left out."""
    shown = rows[:ROWS_SHOWN]
    places = [at for at in range(len(columns)) if any(row[at] not in (None, "") for row in shown)]
    table = Table(box=None, header_style="dim")
    for at in places:
        number = any(isinstance(row[at], Decimal | int) for row in shown)
        table.add_column(
            Text(columns[at].replace("_", " ")),
            justify="right" if number else "left",
            # An id is there to be copied: it is never cut, however narrow the terminal is.
            no_wrap=True,
            overflow="ignore",
        )
    for row in shown:
        table.add_row(*(Text(_cell(row[at])) for at in places))
    if shown:
        console.print(table, width=max(console.width, _WIDEST), crop=False, soft_wrap=True)
    if len(rows) > len(shown):
        console.print(f"… and {counted(len(rows) - len(shown), 'row')} more: --csv has all.")


def _figure(value: Decimal | int | None) -> str:
    if value is None:
        return NOTHING
    return _trimmed(Decimal(value), ",")


def _trimmed(value: Decimal, sign: str = "") -> str:
    """All digits that say something; of what has a fraction at least two."""
    text = f"{value:{sign}f}"
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction.ljust(2, '0')}" if fraction else whole


def _cell(value: Any) -> str:
    match value:
        case None:
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return _trimmed(value, ",")
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"
        case date():
            return f"{value:%Y-%m-%d}"
        case _:
            return printable(str(value))
