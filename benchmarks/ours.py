"""The project's own pipeline as it is used, pointed at the simulator."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from whop_elt.destination import DATASET, Destination, open_destination
from whop_elt.errors import ExitCode
from whop_elt.run import sync
from whop_source import RunReport
from whop_source.rate_limit import RateLimit

from .machine import Stopwatch, Took
from .postgres import new_database
from .registry import prepares
from .setting import Setting

NEVER = 36_500
"""Days; a full pass that the calendar asks for would be another measurement."""


def use_duckdb(file: Path) -> str:
    """Make a DuckDB file the warehouse of this process; return dlt's name for it."""
    os.environ["DESTINATION__DUCKDB__CREDENTIALS"] = str(file)
    return "duckdb"


def use_postgres(url: str) -> str:
    """Make a Postgres database the warehouse of this process; return dlt's name for it."""
    os.environ["DESTINATION__POSTGRES__CREDENTIALS"] = url
    return "postgres"


def use_new_duckdb(setting: Setting, name: str) -> str:
    """Begin with an empty DuckDB file."""
    return use_duckdb(setting.folder(name) / "whop.duckdb")


def use_new_postgres(setting: Setting, name: str) -> str:
    """Begin with an empty Postgres database."""
    assert setting.postgres_url is not None
    return use_postgres(new_database(setting.postgres_url, f"bench_{name}"))


def use_copy_of_duckdb(setting: Setting, source: str, name: str) -> str:
    """Begin with a copy of what another measurement or preparation has left."""
    file = setting.folder(name) / "whop.duckdb"
    shutil.copy(setting.folder(source) / "whop.duckdb", file)
    return use_duckdb(file)


def use_copy_of_postgres(setting: Setting, source: str, name: str) -> str:
    """Begin with a copy of what another measurement or preparation has left."""
    assert setting.postgres_url is not None
    database = f"bench_{name}"
    return use_postgres(new_database(setting.postgres_url, database, f"bench_{source}"))


def run_sync(
    setting: Setting, destination_name: str, tables: Sequence[str] | None = None
) -> tuple[RunReport, Destination, Took]:
    """Sync as `whop-elt sync` does; return the report, the warehouse, and the time.

    Raises:
        RuntimeError: the sync did not end well.
    """
    report = RunReport()
    watch = Stopwatch()
    destination = open_destination(destination_name)
    code = sync(
        destination,
        report,
        tables=tables,
        api_key=setting.api_key,
        base_url=setting.base_url,
        company_id=setting.company_id,
        full_every_days=NEVER,
    )
    took = watch.read()
    if code != ExitCode.OK:
        errors = [f"{table.table}: {table.error}" for table in report.tables if table.error]
        raise RuntimeError(f"The sync ended with {code!r}: {'; '.join(errors)}")
    return report, destination, took


@contextmanager
def no_limit() -> Iterator[None]:
    """Switch the client's own rate limit off, as that of the simulator is."""
    with patch.object(RateLimit, "wait", lambda *_: None):
        yield


def stored(destination: Destination, table: str) -> int:
    """Rows of a raw table."""
    return int(destination.query(f"select count(*) from {DATASET}.{table}")[1][0][0])


@prepares("warehouse_duckdb", "first load of every table into DuckDB")
def first_load_duckdb(setting: Setting) -> dict[str, float | str | None]:
    """Load the whole simulated business by the real pipeline, for later measurements to copy."""
    return _first_load(setting, use_new_duckdb(setting, "warehouse_duckdb"))


@prepares("warehouse_postgres", "first load of every table into Postgres", postgres=True)
def first_load_postgres(setting: Setting) -> dict[str, float | str | None]:
    """Load the whole simulated business by the real pipeline, for later measurements to copy."""
    return _first_load(setting, use_new_postgres(setting, "warehouse_postgres"))


def _first_load(setting: Setting, destination_name: str) -> dict[str, float | str | None]:
    setting.simulator.pace(latency=0, limited=False)
    with no_limit():
        run_sync(setting, destination_name)
    return {}
