"""Asks one of an owner's questions, and writes the answer: a table, CSV, JSON or Parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .analyses import Analysis, analyses, analysis
from .errors import PipelineError, SettingError
from .figures import NOTHING, counted
from .names import MARTS, PERSONAL
from .reading import open_reader, tell_copy
from .sheet import as_csv, plain
from .titles import printable

ROWS_SHOWN = 200
"""Rows of a table in the terminal; the files hold all."""


class Form(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


@dataclass(frozen=True)
class Asked:
    """An answer.

    Attributes:
        analysis: what was asked.
        columns: names of the columns.
        rows: values as the database has them.
        notes: what a reader of the table has to know, a sentence each.
    """

    analysis: Analysis
    columns: list[str]
    rows: list[tuple[Any, ...]]
    notes: list[str]


def ask(
    destination: str,
    name: str,
    arguments: Sequence[str] = (),
    *,
    company_id: str | None = None,
    contacts: bool = False,
) -> Asked:
    """Ask a question of the marts, also while a run is under way.

    Args:
        destination: duckdb, postgres or filesystem; or SPARK.
        name: the question's name, in kebab case.
        arguments: its parameters, in the order the analysis declares them.
        company_id: the one company it is asked of; None is all there are.
        contacts: whether names and e-mail addresses are in the answer, where they can be read.

    Raises:
        SettingError: there is no such question, or it does not take these arguments.
        NothingThere: the marts are not built.
        PipelineError: the database refuses.
    """
    asked = analysis(name)
    values = asked.given(arguments)
    notes: list[str] = []
    with open_reader(destination) as warehouse:
        if warehouse.copied_at:
            notes.append(tell_copy(warehouse.copied_at) + ".")
        with_names = contacts and asked.has_contacts
        if with_names and warehouse.copied_at:
            with_names = False
            notes.append("The copy has no names: ask again when the run has ended.")
        try:
            columns, rows = warehouse.query(
                asked.sql(warehouse.name, contacts=with_names, arguments=values)
            )
        except PipelineError as error:
            if with_names and f"denied for schema {PERSONAL}" in str(error):
                raise PipelineError(
                    f"This role may not read {PERSONAL}, which holds the names: ask without "
                    "--with-contacts, or as a role that may"
                ) from error
            raise
        if company_id is not None:
            there = {row[0] for row in warehouse.query(_COMPANIES)[1]}
            if company_id not in there:
                raise SettingError(
                    f"No company {company_id} in {warehouse.location}; there are: "
                    f"{', '.join(sorted(there)) or 'none'}"
                )
            # Every analysis keeps companies apart, so a company's rows are its whole answer.
            place = columns.index("company_id")
            rows = [row for row in rows if row[place] == company_id]
    return Asked(asked, columns, [tuple(map(_exact, row)) for row in rows], notes)


def _exact(value: Any) -> Any:
    """DuckDB divides into floats where Postgres does into decimals: 60.0 is 60 there."""
    return Decimal(repr(value)) if isinstance(value, float) else value


_COMPANIES = f"select company_id from {MARTS}.dim_companies"


def write(asked: Asked, form: Form) -> bytes:
    """The answer as a file: CSV (RFC 4180), JSON (a list of objects) or Parquet.

    Amounts keep all their digits: in JSON they are texts, as a JSON number could not hold them.
    """
    return _WRITERS[form](asked)


def _csv(asked: Asked) -> bytes:
    return as_csv(asked.columns, asked.rows)


def _json(asked: Asked) -> bytes:
    found = [
        {
            name: value if isinstance(value, bool | int | None) else plain(value)
            for name, value in zip(asked.columns, row, strict=True)
        }
        for row in asked.rows
    ]
    return (json.dumps(found, ensure_ascii=False, indent=1) + "\n").encode()


def _parquet(asked: Asked) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    found = {
        name: _column([row[place] for row in asked.rows])
        for place, name in enumerate(asked.columns)
    }
    file = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(found), file)
    return file.getvalue()


def _column(values: list[Any]) -> Any:
    import pyarrow as pa

    there = [value for value in values if value is not None]
    if any(isinstance(value, Decimal) for value in there):
        # Of one scale, so that the type does not hang on which rows there are.
        return pa.array(values, pa.decimal128(38, 9))
    if any(isinstance(value, float) for value in there):
        return pa.array(values, pa.float64())
    if not there:
        return pa.array(values, pa.string())
    return pa.array(values)


_WRITERS: dict[Form, Callable[[Asked], bytes]] = {
    Form.CSV: _csv,
    Form.JSON: _json,
    Form.PARQUET: _parquet,
}


def show(asked: Asked, console: Console) -> None:
    """Print an answer as a table. A column that is the same everywhere is left out, if an id."""
    console.print(Text(asked.analysis.about), soft_wrap=False)
    places = _shown(asked)
    console.print()
    table = _side_by_side(asked, places)
    if len(asked.rows) == 1:
        table = _one_below_the_other(asked, places)
    if asked.rows:
        console.print(table)
    else:
        console.print("Nothing: no row answers it.")
    left_out = len(asked.rows) - ROWS_SHOWN
    if left_out > 0:
        console.print(f"… and {counted(left_out, 'row')} more: --csv, --json, --parquet have all.")
    for note in asked.notes:
        console.print(Text(note, style="dim"))
    if asked.analysis.has_contacts and not {"name", "email"} & {*asked.columns}:
        console.print(Text("Who they are: --with-contacts.", style="dim"))


def _side_by_side(asked: Asked, places: Sequence[int]) -> Table:
    table = Table(box=None, header_style="bold")
    for place in places:
        values = [row[place] for row in asked.rows]
        number = any(isinstance(value, Decimal | float | int) for value in values)
        table.add_column(_head(asked.columns[place]), justify="right" if number else "left")
    for row in asked.rows[:ROWS_SHOWN]:
        table.add_row(*(_cell(asked.columns[place], row[place]) for place in places))
    return table


def _one_below_the_other(asked: Asked, places: Sequence[int]) -> Table:
    """A single row is read from top to bottom."""
    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for place in places:
        table.add_row(
            _head(asked.columns[place]), _cell(asked.columns[place], asked.rows[0][place])
        )
    return table


def _head(name: str) -> Text:
    return Text(name.replace("_", " "))


def _shown(asked: Asked) -> list[int]:
    """Columns for a terminal: the company is said of several only."""
    if "company_id" not in asked.columns:
        return [*range(len(asked.columns))]
    place = asked.columns.index("company_id")
    several = len({row[place] for row in asked.rows}) > 1
    return [each for each in range(len(asked.columns)) if several or each != place]


def _cell(name: str, value: Any) -> Text:
    match value:
        case None:
            return Text(NOTHING)
        case bool():
            return Text("yes" if value else "no")
        case Decimal():
            return Text(f"{value:,.4f}" if name.endswith(_SHARES) else f"{value:,.2f}")
        case float():
            return Text(f"{value:,.2f}")
        case int():
            return Text(f"{value:,}")
        case datetime():
            return Text(f"{value.astimezone(UTC):%Y-%m-%d %H:%M}")
        case date():
            return Text(f"{value:%Y-%m-%d}")
        case _:
            return Text(printable(str(value)))


_SHARES = ("_rate", "nrr", "grr", "probability")


def show_questions(console: Console) -> None:
    """Print the questions there are, a line each."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for each in analyses().values():
        takes = "".join(f" [{parameter.name}]" for parameter in each.parameters)
        table.add_row(Text(each.name + takes), Text(each.question))
    console.print(table)
    console.print("\nAsk one: [bold]whop-elt ask NAME[/]; --csv, --json, --parquet for a file.")
