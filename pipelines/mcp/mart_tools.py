"""Tools for whoever asks in SQL: which marts there are, what they mean, and one SELECT."""

from __future__ import annotations

from collections.abc import Iterator

from .asker import Question
from .marts import Mart
from .numbers import NOTE, Numbers
from .tool import MOST_ROWS, QUESTION_SECONDS, Row, Tool, ToolFailed, arguments


def mart_tools(numbers: Numbers) -> Iterator[Tool]:
    """The tools."""
    yield Tool(
        name="list_marts",
        title="List marts",
        text="The tables there are (marts): what each holds, and what one row of it is. Start here "
        "to write a query.",
        schema=arguments({}),
        call=lambda _: _list_marts(numbers),
    )
    yield Tool(
        name="describe_mart",
        title="Describe a mart",
        text="One table: what it holds, what one row is, what is unique, and each column with its "
        "type and meaning.",
        schema=arguments(
            {"mart": {"type": "string", "description": "Its name, as list_marts has it."}}, "mart"
        ),
        call=lambda given: describe(numbers, given["mart"]),
    )
    yield Tool(
        name="query_marts",
        title="Query the marts",
        # Which of the two is a setting, and those are read with the first question.
        text="Run one SELECT over the marts, in the SQL of DuckDB or Postgres: the dialect of "
        "list_marts. Only the marts can be read (whop_marts.…), with the usual functions; nothing "
        f"can be written. At most {MOST_ROWS} rows, 50 kB and {QUESTION_SECONDS:g} seconds: add up "
        "in SQL, and look at `cut` before you call an answer complete. Each mart may hold several "
        "companies: filter or group by company_id. The clock is not to be had: use "
        "dim_companies.as_of.",
        schema=arguments({"sql": {"type": "string", "description": "One SELECT."}}, "sql"),
        call=lambda given: _query(numbers, given["sql"]),
    )


def _list_marts(numbers: Numbers) -> Row:
    there = numbers.columns()
    return {
        "dialect": numbers.dialect,
        "marts": [
            {"mart": mart.full_name, "meaning": mart.meaning, "row": mart.grain}
            for name, mart in numbers.described.items()
            if name in there
        ],
        "not_built_yet": [name for name in numbers.described if name not in there],
    }


def describe(numbers: Numbers, name: str) -> Row:
    """What a mart is, and what its columns are.

    Raises:
        ToolFailed: there is no such mart in the warehouse.
    """
    there = numbers.columns()
    short = name.lower().rpartition(".")[2]
    if short not in there:
        raise ToolFailed(f"There is no mart {name[:60]}; there are: {', '.join(there)}")
    mart: Mart = numbers.described[short]
    return {
        "mart": mart.full_name,
        "meaning": mart.meaning,
        "row": mart.grain,
        "unique": [list(key) for key in mart.keys],
        "columns": [
            {"name": column, "type": kind, "meaning": mart.columns.get(column, "")}
            for column, kind in there[short].items()
        ],
    }


def _query(numbers: Numbers, sql: str) -> Row:
    companies, (answer,) = numbers.ask(Question(sql, trusted=False))
    return {
        "columns": answer.columns,
        "rows": answer.rows,
        "row_count": len(answer.rows),
        "cut": answer.cut,
        "true_as_of": [each.stamp for each in companies],
        "note": NOTE,
    }
