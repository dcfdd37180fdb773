"""Every mart of two builds, row by row and digit by digit."""

from __future__ import annotations

from collections import Counter
from typing import Any

import duckdb
from warehouse import Row, comparable

SCHEMAS = ("whop_marts", "whop_personal")
SHOWN = 5
"""Rows printed per mart and side; the rest is counted."""


def rows_of(connection: duckdb.DuckDBPyConnection, schema: str, mart: str) -> list[Row]:
    """The rows of a mart, values as the tests of the other engines have them."""
    result = connection.sql(f'select * from "{schema}"."{mart}"')
    names = result.columns
    columns = [column.to_pylist() for column in result.to_arrow_table().columns]
    return [
        {name: comparable(value, "") for name, value in zip(names, row, strict=True)}
        for row in zip(*columns, strict=True)
    ]


def marts_of(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Schema and name of each mart that is there."""
    return connection.sql(
        "select table_schema, table_name from information_schema.tables "
        f"where table_schema in {SCHEMAS} order by all"
    ).fetchall()


def not_the_same(wanted: list[Row], found: list[Row]) -> list[str]:
    """What one has and the other has not, a line each; a number of another type is another."""

    def spelled(rows: list[Row]) -> Counter[Any]:
        return Counter(
            tuple((name, type(value).__name__, value) for name, value in sorted(row.items()))
            for row in rows
        )

    one, other = spelled(wanted), spelled(found)
    lines = []
    for says, only in (("wanted", one - other), ("found", other - one)):
        rows = [{name: value for name, _, value in row} for row in only.elements()]
        lines += [f"{says}: {row}" for row in rows[:SHOWN]]
        lines += [f"{says}: {len(rows) - SHOWN} more"] if len(rows) > SHOWN else []
    return lines


def the_same_marts(wanted: duckdb.DuckDBPyConnection, found: duckdb.DuckDBPyConnection) -> None:
    """That two builds have the same marts, and in each the same rows."""
    wanted.execute("set timezone = 'UTC'")
    assert marts_of(found) == marts_of(wanted)
    for schema, mart in marts_of(wanted):
        rows = rows_of(wanted, schema, mart)
        assert not_the_same(rows, rows_of(found, schema, mart)) == [], mart
