"""Reads what is in the warehouse, with the database's own client and nobody's help."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import duckdb
import psycopg2

from whop_source.resources import BY_NAME

from .expected import OWN_COLUMNS, Row

Engine = Literal["duckdb", "postgres"]

SQL_TYPES: Mapping[Engine, Mapping[str, str]] = {
    "duckdb": {
        "text": "VARCHAR",
        "bigint": "BIGINT",
        "bool": "BOOLEAN",
        "decimal": "DECIMAL(38,9)",
        "timestamp": "TIMESTAMP WITH TIME ZONE",
        "json": "JSON",
    },
    "postgres": {
        "text": "character varying",
        "bigint": "bigint",
        "bool": "boolean",
        "decimal": "numeric(38,9)",
        "timestamp": "timestamp with time zone",
        "json": "jsonb",
    },
}


@dataclass
class Database:
    """One empty database, to begin with."""

    engine: Engine
    credentials: str
    """Path of the DuckDB file, or URL of the Postgres database."""
    schema: str = "whop_raw"

    def tables(self) -> set[str]:
        """Names of the tables that exist."""
        sql = "select table_name from information_schema.tables where table_schema = '{}'"
        (rows,) = self._ask([sql.format(self.schema)])
        return {row["table_name"] for row in rows}

    def read(self, names: Sequence[str]) -> dict[str, list[Row]]:
        """Every row of the tables, in one glance; a table that does not exist has none."""
        there = self.tables()
        asked = [name for name in names if name in there]
        rows = self._ask([f'select * from "{self.schema}"."{name}"' for name in asked])
        return {**{name: [] for name in names}, **dict(zip(asked, rows, strict=True))}

    def some(self, table: str, keys: Iterable[str]) -> dict[str, Row]:
        """The rows with these ids."""
        wanted = ", ".join(f"'{key}'" for key in keys)
        if not wanted:
            return {}
        sql = f'select * from "{self.schema}"."{table}" where id in ({wanted})'
        (rows,) = self._ask([sql])
        return {row["id"]: row for row in rows}

    def count(self, table: str) -> int:
        """How many rows a table has."""
        (rows,) = self._ask([f'select count(*) as n from "{self.schema}"."{table}"'])
        return int(rows[0]["n"])

    def drop(self, table: str, column: str | None) -> None:
        """Drop a table, or a column of it."""
        name = f'"{self.schema}"."{table}"'
        sql = f'alter table {name} drop column "{column}"' if column else f"drop table {name}"
        if self.engine == "duckdb":
            with duckdb.connect(self.credentials) as connection:
                connection.execute(sql)
            return
        with closing(psycopg2.connect(self.credentials)) as server, server.cursor() as cursor:
            cursor.execute(sql)
            server.commit()

    def wrong_types(self) -> list[str]:
        """Columns that are not there, or not of the type that is documented."""
        if self.engine == "duckdb":
            sql = (
                "select table_name, column_name, data_type as kind "
                f"from information_schema.columns where table_schema = '{self.schema}'"
            )
        else:
            sql = (
                "select c.relname as table_name, a.attname as column_name, "
                "format_type(a.atttypid, a.atttypmod) as kind from pg_attribute a "
                "join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = "
                f"c.relnamespace where n.nspname = '{self.schema}' and a.attnum > 0"
            )
        (rows,) = self._ask([sql])
        found = {(row["table_name"], row["column_name"]): row["kind"] for row in rows}
        types = SQL_TYPES[self.engine]
        wrong = []
        for name, resource in BY_NAME.items():
            for column, kind in {**resource.columns, **OWN_COLUMNS}.items():
                is_kind = found.get((name, column))
                # dlt gives its own columns a length on Postgres.
                if (is_kind or "").removesuffix("(64)").removesuffix("(128)") != types[kind]:
                    wrong.append(f"{name}.{column} is {is_kind}, not {types[kind]}")
        return wrong

    def _ask(self, queries: Sequence[str]) -> list[list[Row]]:
        return self._ask_duckdb(queries) if self.engine == "duckdb" else self._ask_postgres(queries)

    def _ask_duckdb(self, queries: Sequence[str]) -> list[list[Row]]:
        if not Path(self.credentials).exists():
            return [[] for _ in queries]
        answers = []
        with self._duckdb() as connection:
            connection.execute("set timezone = 'UTC'")
            for query in queries:
                result = connection.sql(query)
                kinds = [str(kind) for kind in result.types]
                names = list(result.columns)
                table = result.to_arrow_table()
                values = zip(*(column.to_pylist() for column in table.columns), strict=True)
                answers.append([_row(names, kinds, row) for row in values])
        return answers

    def _duckdb(self) -> duckdb.DuckDBPyConnection:
        # A process that was killed a moment ago may still hold the file.
        for patience in range(50):
            try:
                return duckdb.connect(self.credentials, read_only=False)
            except duckdb.IOException:
                if patience == 49:
                    raise
                time.sleep(0.05)
        raise AssertionError

    def _ask_postgres(self, queries: Sequence[str]) -> list[list[Row]]:
        answers = []
        connection = psycopg2.connect(self.credentials)
        try:
            with connection.cursor() as cursor:
                cursor.execute("set time zone 'UTC'")
                for query in queries:
                    cursor.execute(query)
                    names = [column.name for column in cursor.description or ()]
                    answers.append([_row(names, [""] * len(names), row) for row in cursor])
        finally:
            connection.close()
        return answers


def _row(names: Sequence[str], kinds: Sequence[str], values: Sequence[Any]) -> Row:
    return {
        name: _value(kind, value) for name, kind, value in zip(names, kinds, values, strict=True)
    }


def _value(kind: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, str) and kind == "JSON":
        return json.loads(value)
    return value
