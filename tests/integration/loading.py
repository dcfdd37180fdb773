"""The whole way from a simulated Whop over HTTP into a real warehouse, and what should come out.

What is expected is worked out from the simulator's own rows and the documented columns alone.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import on_current
from warehouse import Engine, Warehouse

from whop_elt.destination import DATASET, open_destination
from whop_elt.errors import ExitCode
from whop_elt.run import sync
from whop_simulator import Business, Server
from whop_simulator.current_account import account_rest
from whop_source import RESOURCES, RunReport
from whop_source.planning import iso
from whop_source.resources import BY_NAME, Resource
from whop_source.run_report import TableReport
from whop_source.surface import CURRENT, LEGACY, Surface

Row = dict[str, Any]
Table = dict[str, Row]

EVERY = tuple(resource.name for resource in RESOURCES if not resource.optional)
TABLES = tuple(name for name in EVERY if not BY_NAME[name].observes and not BY_NAME[name].charts)
"""Those of EVERY that follow Whop's rows. Of what is observed each run keeps rows of its own, which
Whop has no more a moment later, and what is charted follows the clock: test_bank.py and
test_whops_numbers.py."""
FAST: Mapping[str, Any] = {"backoff_seconds": 0.01, "max_attempts": 3}
HOLDS = ("psp_reserve_hold", "psp_reserve_release")
OWN_COLUMNS = (
    "company_id",
    "_whop_synced_at",
    "_whop_deleted_at",
    "_whop_extra",
    "_dlt_load_id",
    "_dlt_id",
)


@dataclass(frozen=True)
class Run:
    """What one sync did, and what it asked for."""

    code: ExitCode
    report: RunReport
    log: list[tuple[str, dict[str, list[str]]]]

    def __getitem__(self, table: str) -> TableReport:
        (found,) = (each for each in self.report.tables if each.table == table)
        return found

    def asked(self, operation: str) -> list[dict[str, str]]:
        """Queries of one operation, first pages only; an array is written with commas."""
        return [
            {name: ",".join(values) for name, values in query.items()}
            for name, query in self.log
            if name == operation and "after" not in query
        ]

    def outcomes(self) -> dict[str, str]:
        return {table.table: table.status for table in self.report.tables}


@dataclass
class Line:
    """One warehouse, and the simulator it is loaded from."""

    warehouse: Warehouse
    server: Server
    folder: Path
    surface: Surface = LEGACY
    """The one of Whop's surfaces that it is read from."""

    @property
    def business(self) -> Business:
        business = self.server.businesses[0]
        assert isinstance(business, Business)
        return business

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Be in the line's folder, with its warehouse configured."""
        credentials = f"DESTINATION__{self.warehouse.engine.upper()}__CREDENTIALS"
        with patch.dict(os.environ, {credentials: self.warehouse.location}), chdir(self.folder):
            yield

    def sync(self, server: Server | None = None, *tables: str, **settings: Any) -> Run:
        """Load from the server; nothing that an earlier run left on this machine helps."""
        server = server or self.server
        shutil.rmtree(self.folder / ".whop-elt", ignore_errors=True)
        report = RunReport()
        server.reset_counters()
        given = {
            "api_key": server.api_key,
            "base_url": server.base_url,
            "company_id": server.businesses[0].company_id,
            "api_version": self.surface.version,
            **FAST,
            **settings,
        }
        if "company_ids" in given:
            del given["company_id"]
        with self.at_work():
            destination = open_destination(self.warehouse.engine)
            code = sync(destination, report, tables=tables or None, **given)
        return Run(code, report, list(server.log))

    def rows(self, table: str, company_id: str | None = None) -> Table:
        """A raw table by id; with a company, its rows only."""
        read = self.warehouse.read(table, schema=DATASET)
        rows = [row for row in read if company_id in (None, row["company_id"])]
        found = {row["id"]: row for row in rows}
        assert len(found) == len(rows), f"{table} has an id twice"
        return found

    def expected(self, table: str, business: Business | None = None) -> Table:
        """What it must hold of a table after a full run: documented columns only."""
        return expected(business or self.business, table, self.surface)

    def operation(self, table: str) -> str:
        """What its list is counted as, where it has one of its own."""
        own = self.surface is CURRENT and not BY_NAME[table].one_endpoint
        return f"GET {on_current.path(table) if own else f'/{table}'}"

    def contents(self, *tables: str) -> dict[str, Table]:
        return {table: self.rows(table) for table in tables or TABLES}

    def sync_runs(self, run: Run) -> dict[str, Row]:
        return {
            row["table_name"]: row
            for row in self.warehouse.read("sync_runs", schema=DATASET)
            if row["run_id"] == run.report.run_id
        }

    def column_types(self) -> dict[str, dict[str, str]]:
        """Table → column → SQL type, as the database has it."""
        found: dict[str, dict[str, str]] = {}
        for row in self.warehouse.query(
            "select table_name, column_name, data_type, numeric_precision, numeric_scale "
            f"from information_schema.columns where table_schema = '{DATASET}'"
        ):
            found.setdefault(row["table_name"], {})[row["column_name"]] = row["data_type"].lower()
        return found


def expected(business: Business, table: str, surface: Surface = LEGACY) -> Table:
    """What the warehouse must hold of a table after a full run: documented columns only."""
    resource = BY_NAME[table]
    if resource.observes:
        return observed(business, resource)
    if resource.one_endpoint:
        rows_of = [row for row in business.rows(table) if not left_out(table, row)]
        shown = map(resource.shape.read, rows_of)
        return {row["id"]: flat(resource, row) for row in shown}
    if surface is CURRENT:
        rows = {row["id"]: row for row in on_current.rows_of(business, table)}
    else:
        rows = {row["id"]: row for row in business.rows(table)}
    if any(left_out(table, row) for row in rows.values()):
        named = named_in(business, table, surface)
        rows = {key: row for key, row in rows.items() if not left_out(table, row) or key in named}
    if surface is CURRENT:
        return {key: flat_on_current(resource, row) for key, row in rows.items()}
    found: Table = {}
    for key, row in rows.items():
        if table == "companies" or resource.details or left_out(table, row):
            row = business.row(table, key)
        elif table == "reviews":
            row = {**row, "product": {"id": business.row(table, key)["product"]["id"]}}
        found[key] = flat(resource, row)
    return found


def observed(business: Business, resource: Resource) -> Table:
    """What a run keeps of the company's own object, as it is at the business' time."""
    at = iso(business.clock)
    shown = account_rest(business.row("companies", business.company_id), business)
    rows = [
        {**row, "observed_at": at, "id": f"{business.company_id}/{at}/{number}"}
        for number, row in enumerate(shown[resource.observes], start=1)
    ]
    return {row["id"]: flat(resource, resource.shape.read(row)) for row in rows}


def named_in(business: Business, table: str, surface: Surface) -> set[str]:
    """Ids of a table that loaded rows name: a hidden plan that nobody has names nothing."""
    return {
        row[column]
        for other in RESOURCES
        for column, to in other.refers_to.items()
        if to == table
        for row in expected(business, other.name, surface).values()
    }


def left_out(table: str, row: Row) -> bool:
    """Whether a list leaves the row out unless asked for it."""
    hidden = {"plans": {"archived"}, "products": {"archived", "hidden"}}
    # What is held back moves within the total, which is what the source asks for.
    return row.get("visibility") in hidden.get(table, set()) or row.get("line_type") in HOLDS


def flat(resource: Resource, row: Row) -> Row:
    """A row of Whop's under the documented columns."""
    return {name: _held(_at(row, name), kind) for name, kind in resource.columns.items()}


def flat_on_current(resource: Resource, row: Row) -> Row:
    """A row of Current under the documented columns."""
    return {
        name: _held(on_current.value(resource.name, row, name), kind)
        for name, kind in resource.columns.items()
    }


def documented(table: str, rows: Table, *without: str) -> Table:
    """Rows of the warehouse, reduced to the documented columns."""
    names = [name for name in BY_NAME[table].columns if name not in without]
    return {key: {name: row[name] for name in names} for key, row in rows.items()}


def assert_clean(output: str) -> None:
    """No warning of dbt's, no failure and nothing skipped."""
    assert "WARN=0 ERROR=0 SKIP=0" in output or "Catalog written" in output, output[-3000:]
    assert "deprecat" not in output.lower()
    assert "[WARNING]" not in output


def _at(row: Row, column: str) -> Any:
    value: Any = row
    for key in column.split("__"):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _held(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "decimal":
        return Decimal(str(value))
    if kind == "timestamp":
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        return datetime.fromisoformat(value).astimezone(UTC)
    return value


__all__ = [
    "EVERY",
    "FAST",
    "OWN_COLUMNS",
    "TABLES",
    "Engine",
    "Line",
    "Row",
    "Run",
    "Table",
    "assert_clean",
    "documented",
    "expected",
    "flat",
    "left_out",
]
