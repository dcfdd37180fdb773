"""Reads what the marts are, columns and descriptions, from the readers' copy of a warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from ..destination import MARTS

_KINDS = (
    ("TIMESTAMP", "TIMESTAMP"),
    ("DATE", "DATE"),
    ("BOOL", "BOOLEAN"),
    ("DECIMAL", "DECIMAL"),
    ("DOUBLE", "DOUBLE PRECISION"),
    ("FLOAT", "DOUBLE PRECISION"),
    ("HUGEINT", "BIGINT"),
    ("BIGINT", "BIGINT"),
    ("INTEGER", "BIGINT"),
)
"""Beginnings of DuckDB's types, and names that Superset knows on every engine."""

NUMBERS = {"DECIMAL", "DOUBLE PRECISION", "BIGINT"}
TIMES = {"DATE", "TIMESTAMP"}


@dataclass(frozen=True)
class Column:
    """A column of a mart; `kind` is its type as every engine of Superset names it."""

    name: str
    kind: str
    description: str

    @property
    def is_number(self) -> bool:
        """Whether it can be added up."""
        return self.kind in NUMBERS

    @property
    def is_time(self) -> bool:
        """Whether it is a day or a moment."""
        return self.kind in TIMES


@dataclass(frozen=True)
class Mart:
    """A mart: a table of the schema that readers see."""

    name: str
    description: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in the mart's order."""
        return tuple(column.name for column in self.columns)

    @property
    def time(self) -> str | None:
        """The column that says when a row is of: the first that is a day, else a moment."""
        for kind in ("DATE", "TIMESTAMP"):
            for column in self.columns:
                if column.kind == kind:
                    return column.name
        return None


def read_marts(copy: Path) -> list[Mart]:
    """Read the marts that have rows of a company, by name, from whop-marts.duckdb.

    Raises:
        duckdb.Error: the file cannot be opened.
    """
    with duckdb.connect(copy, read_only=True) as connection:
        tables = connection.execute(
            "select table_name, comment from duckdb_tables() where schema_name = ? order by 1",
            [MARTS],
        ).fetchall()
        columns = connection.execute(
            "select table_name, column_name, data_type, comment from duckdb_columns() "
            "where schema_name = ? order by table_name, column_index",
            [MARTS],
        ).fetchall()
    marts = [
        Mart(
            name,
            comment or "",
            tuple(
                Column(column, _kind(kind), text or "")
                for table, column, kind, text in columns
                if table == name
            ),
        )
        for name, comment in tables
    ]
    # A calendar has no company, and nothing to show.
    return [mart for mart in marts if "company_id" in mart.names]


def _kind(duckdb_type: str) -> str:
    return next((kind for start, kind in _KINDS if duckdb_type.startswith(start)), "VARCHAR")
