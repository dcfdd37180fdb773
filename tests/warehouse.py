"""A warehouse for tests: raw tables as a sync leaves them, dbt on top, marts read back.

The raw tables come from the same list the sync works from, so a column added there exists here too.
What is read back is the same on both engines: `Decimal`, `date`, `datetime` in UTC, parsed JSON.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import duckdb
import psycopg2
import pyarrow as pa
from dbt_parsed_once import run_dbt

from whop_source.resources import BY_NAME, ColumnType

Engine = Literal["duckdb", "postgres", "filesystem"]
Row = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT = ROOT / "dbt"

EVERY_TABLE: Mapping[str, ColumnType] = {
    "company_id": "text",
    "_whop_synced_at": "timestamp",
    "_whop_deleted_at": "timestamp",
    "_whop_extra": "json",
    "_dlt_load_id": "text",
    "_dlt_id": "text",
}
"""Columns the sync adds to every table."""

SYNC_RUNS: Mapping[str, ColumnType] = {
    **dict.fromkeys(("run_id", "company_id", "table_name", "mode", "status"), "text"),
    **dict.fromkeys(("started_at", "finished_at"), "timestamp"),
    **dict.fromkeys(
        ("requests", "retries", "rows_read", "rows_new", "rows_changed", "rows_deleted"), "bigint"
    ),
    **dict.fromkeys(("cursor_before", "cursor_after", "error", "unreadable", "notes"), "text"),
    **dict.fromkeys(("_dlt_load_id", "_dlt_id"), "text"),
}
"""The sync's own log; its one float, `seconds`, is added where the tables are created."""

GIVEN_PLAN_VERSIONS: Mapping[str, ColumnType] = {
    **dict.fromkeys(("company_id", "plan_id"), "text"),
    **dict.fromkeys(("valid_from", "valid_to"), "timestamp"),
    "plan_type": "text",
    "billing_period_days": "bigint",
    **dict.fromkeys(("initial_price", "renewal_price"), "decimal"),
    "currency": "text",
    **dict.fromkeys(("trial_period_days", "split_pay_required_payments"), "bigint"),
}
"""What plans were before the first sync, as `whop-elt transform` loads it from a file."""

RAW_TABLES: Mapping[str, Mapping[str, ColumnType]] = {
    **{name: {**resource.columns, **EVERY_TABLE} for name, resource in BY_NAME.items()},
    **{
        resource.states_table: {**resource.columns, **EVERY_TABLE}
        for resource in BY_NAME.values()
        if resource.states_table
    },
    "sync_runs": SYNC_RUNS,
    "given_plan_versions": GIVEN_PLAN_VERSIONS,
}

SQL_TYPES: Mapping[Engine, Mapping[ColumnType, str]] = {
    "duckdb": {
        "text": "varchar",
        "bigint": "bigint",
        "bool": "boolean",
        "decimal": "decimal(38, 9)",
        "timestamp": "timestamptz",
        "json": "json",
    },
    "postgres": {
        "text": "varchar",
        "bigint": "bigint",
        "bool": "boolean",
        "decimal": "numeric(38, 9)",
        "timestamp": "timestamptz",
        "json": "jsonb",
    },
}

ARROW_TYPES: Mapping[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "bool": pa.bool_(),
    "decimal": pa.decimal128(38, 9),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "json": pa.string(),
}


class DbtFailed(AssertionError):
    """dbt ended with an error; the message is what it printed."""


@dataclass
class Warehouse:
    """One database on one engine."""

    engine: Engine
    location: str
    """Path of the DuckDB file, or URL of the Postgres database."""
    raw_schema: str = "whop_raw"
    schema: str = "whop"
    work: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="whop-elt-dbt-")))
    """Where dbt writes its target and logs: one's own, so that runs side by side do not collide."""
    inherited: dict[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    """Environment that dbt starts from. Copied when the warehouse is made: pytest writes its own
    variable before each test, and a thread that copies them at that moment fails."""

    # ------------------------------------------------------------------ raw tables

    def create_raw(self) -> None:
        """Create the raw schema with every table, empty."""
        types = SQL_TYPES[self.engine]
        statements = [f'create schema "{self.raw_schema}"']
        for table, columns in RAW_TABLES.items():
            spelled = [f'"{name}" {types[kind]}' for name, kind in columns.items()]
            if table == "sync_runs":
                spelled.append('"seconds" double precision')
            statements.append(f"create table {self._raw(table)} ({', '.join(spelled)})")
        self.execute(*statements)

    def insert(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows; a key that is missing is null, a key that is no column is an error."""
        rows = list(rows)
        if not rows:
            return
        columns = {**RAW_TABLES[table]}
        unknown = {key for row in rows for key in row} - set(columns) - {"seconds"}
        if unknown:
            raise KeyError(f"{table} has no column {', '.join(sorted(unknown))}")
        used = [name for name in columns if any(name in row for row in rows)]
        if self.engine == "duckdb":
            self._insert_duckdb(table, rows, {name: columns[name] for name in used})
        else:
            self._insert_postgres(table, rows, {name: columns[name] for name in used})

    def load(self, tables: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        """Append the rows of several tables."""
        for table, rows in tables.items():
            self.insert(table, rows)

    def _raw(self, table: str) -> str:
        return f'"{self.raw_schema}"."{table}"'

    def _insert_duckdb(
        self, table: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, ColumnType]
    ) -> None:
        arrays = [
            pa.array([storable(row.get(name), kind) for row in rows], ARROW_TYPES[kind])
            for name, kind in columns.items()
        ]
        names = ", ".join(f'"{name}"' for name in columns)
        with duckdb.connect(self.location) as connection:
            connection.register("incoming", pa.Table.from_arrays(arrays, names=list(columns)))
            connection.execute(f"insert into {self._raw(table)} ({names}) select * from incoming")

    def _insert_postgres(
        self, table: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, ColumnType]
    ) -> None:
        text = "".join(
            "\t".join(_copy_text(storable(row.get(name), kind)) for name, kind in columns.items())
            + "\n"
            for row in rows
        )
        names = ", ".join(f'"{name}"' for name in columns)
        with self._postgres() as connection, connection.cursor() as cursor:
            cursor.copy_expert(f"copy {self._raw(table)} ({names}) from stdin", io.StringIO(text))

    # ------------------------------------------------------------------ SQL

    def execute(self, *statements: str) -> None:
        """Run statements in one transaction."""
        if self.engine == "duckdb":
            with duckdb.connect(self.location) as connection:
                for statement in statements:
                    connection.execute(statement)
            return
        with self._postgres() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def query(self, sql: str) -> list[Row]:
        """Rows of a query, values the same on both engines."""
        if self.engine == "duckdb":
            with duckdb.connect(self.location) as connection:
                connection.execute("set timezone = 'UTC'")
                result = connection.sql(sql)
                kinds = [str(kind) for kind in result.types]
                table: pa.Table = result.to_arrow_table()
            names = table.column_names
            values = zip(*(column.to_pylist() for column in table.columns), strict=True)
        else:
            with self._postgres() as connection, connection.cursor() as cursor:
                cursor.execute("set time zone 'UTC'")
                cursor.execute(sql)
                names = [column.name for column in cursor.description or ()]
                values = iter(cursor.fetchall())
                kinds = ["" for _ in names]  # psycopg2 parses JSON by itself
        return [
            {
                name: comparable(value, kind)
                for name, value, kind in zip(names, row, kinds, strict=True)
            }
            for row in values
        ]

    def read(self, mart: str, schema: str | None = None) -> list[Row]:
        """Every row of a mart (or of any table, with its schema named)."""
        return self.query(f'select * from "{schema or f"{self.schema}_marts"}"."{mart}"')

    @contextmanager
    def _postgres(self) -> Iterator[Any]:
        connection = psycopg2.connect(self.location)
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    # ------------------------------------------------------------------ dbt

    def environment(self, schema: str | None = None) -> dict[str, str]:
        """Environment variables that point the dbt project at this database."""
        settings = {
            "WHOP_ELT_TARGET": self.engine,
            "WHOP_ELT_RAW_SCHEMA": self.raw_schema,
            "WHOP_ELT_SCHEMA": schema or self.schema,
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }
        if self.engine == "duckdb":
            settings["WHOP_ELT_DUCKDB_PATH"] = self.location
        else:
            parts = urlsplit(self.location)
            settings |= {
                "WHOP_ELT_POSTGRES_HOST": parts.hostname or "localhost",
                "WHOP_ELT_POSTGRES_PORT": str(parts.port or 5432),
                "WHOP_ELT_POSTGRES_USER": unquote(parts.username or "postgres"),
                "WHOP_ELT_POSTGRES_PASSWORD": unquote(parts.password or ""),
                "WHOP_ELT_POSTGRES_DBNAME": parts.path.lstrip("/"),
            }
        return settings

    def dbt(
        self,
        command: str = "build",
        *arguments: str,
        variables: Mapping[str, Any] | None = None,
        schema: str | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run dbt (`build`, `run`, `test`, …) on this database; another `schema` keeps both."""
        shown = {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in (variables or {}).items()
        }
        finished = run_dbt(
            [
                "--no-use-colors",
                # Every statement, else, some 4 MB a build, and a sixth of its time.
                *("--log-level-file", "info"),
                *("--log-path", str(self.work / "logs")),
                *command.split(),
                *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
                *("--target-path", str(self.work / "target")),
                *("--vars", json.dumps(shown)),
                # As the product: they prove the SQL on rows of their own, in test_models.py.
                *(["--exclude-resource-type", "unit_test"] if command == "build" else []),
                *arguments,
            ],
            ROOT,
            {**self.inherited, **self.environment(schema)},
        )
        if check and finished.returncode:
            raise DbtFailed(
                f"dbt {command} on {self.engine} ended with {finished.returncode}\n"
                f"{finished.stdout[-12000:]}"
            )
        return finished


def duckdb_warehouse(path: Path | str, **settings: Any) -> Warehouse:
    """A DuckDB file with empty raw tables."""
    warehouse = Warehouse("duckdb", str(path), **settings)
    warehouse.create_raw()
    return warehouse


def postgres_warehouse(url: str, **settings: Any) -> Warehouse:
    """A Postgres database with empty raw tables."""
    warehouse = Warehouse("postgres", url, **settings)
    warehouse.create_raw()
    return warehouse


def stamp(rows: Iterable[Row], company_id: str, synced_at: datetime) -> list[Row]:
    """Rows with the columns a sync adds to every one, where they are not there already."""
    return [
        {
            "company_id": company_id,
            "_whop_synced_at": synced_at,
            "_dlt_load_id": "1",
            "_dlt_id": uuid.uuid4().hex[:14],
            **row,
        }
        for row in rows
    ]


def storable(value: Any, kind: ColumnType) -> Any:
    """A Python value as the column's type takes it; times may be given as ISO 8601 text."""
    if value is None:
        return None
    if kind == "json":
        return value if isinstance(value, str) else json.dumps(value)
    if kind == "decimal":
        return Decimal(str(value)) if not isinstance(value, Decimal) else value
    if kind == "timestamp":
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return value


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _copy_text(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value).translate(_ESCAPES)


def comparable(value: Any, kind: str) -> Any:
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC)
    if isinstance(value, str) and kind == "JSON":
        return json.loads(value)
    return value
