"""Where the models of a bucket are built: in a DuckDB file that is filled from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
from dlt.destinations.exceptions import DatabaseException

from whop_source.bucket.destination import MEMORY

from .destination import Destination, first_line, open_destination, root_cause, setting_of
from .errors import PipelineError, SettingError
from .lock import database_lock


@contextmanager
def models_home(destination: Destination) -> Iterator[Destination]:
    """Give where the models of a destination are built: there, but for a bucket.

    A bucket's newest versions are copied into the DuckDB file of the settings, whop.duckdb without
    one: every model reads the rows anew, which from a bucket takes longer than to copy them once.

    Args:
        destination: what was synced into, locked.

    Raises:
        NothingThere: nothing is loaded yet.
        SettingError: the file holds what was synced into it.
        PipelineError: the file cannot be opened or written, or a file of the bucket not be read.
    """
    if destination.name != "filesystem":
        yield destination
        return
    home = open_destination("duckdb")
    with database_lock(home):
        home.still_locked = destination.still_locked
        _fill(home, destination)
        yield home


def _fill(home: Destination, bucket: Destination) -> None:
    """Replace the raw tables of the file by what the bucket holds: all of them, or none."""
    raw = home.pipeline.dataset_name
    reading: Any = bucket.pipeline.sql_client()
    with reading, home.pipeline.sql_client() as client:
        tables = reading.schema.data_table_names(seen_data_only=True)
        if not tables:
            raise bucket.nothing_loaded()
        # The file's own connection: another one beside it would not see what this one writes.
        connection: Any = client.native_connection
        ((synced,),) = connection.execute(
            "select count(*) from duckdb_tables() where database_name = current_database() "
            "and schema_name = ? and table_name = '_dlt_loads'",
            [raw],
        ).fetchall()
        if synced:
            raise SettingError(
                f"{home.location} holds what was synced into it: set {setting_of('duckdb')} to "
                f"another file, for the models of {bucket.location}"
            )
        try:
            with _memory(connection), client.begin_transaction():
                reading.lend(connection)
                connection.execute(f"create schema if not exists {raw}")
                for table in tables:
                    held = reading.newest(table, {})
                    connection.execute(f'create or replace table {raw}."{table}" as {held}')
        except (duckdb.Error, DatabaseException) as error:
            if trouble := bucket.trouble(error):
                raise trouble from error
            raise PipelineError(
                f"{home.location} cannot be filled from {bucket.location}: "
                f"{first_line(root_cause(error))}"
            ) from error


@contextmanager
def _memory(connection: Any) -> Iterator[None]:
    """Give a connection the memory that it takes to read a bucket, for the block."""
    ((before,),) = connection.execute("select current_setting('memory_limit')").fetchall()
    connection.execute(f"set memory_limit = '{MEMORY}'")
    try:
        yield
    finally:
        connection.execute(f"set memory_limit = '{before}'")
