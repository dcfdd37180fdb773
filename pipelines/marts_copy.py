"""Writes the readers' copy of a DuckDB warehouse: the marts alone, in a file of their own.

A DuckDB file cannot be read while another process writes to it, has no roles, and is refused by
tools that bring an older DuckDB. The copy is written in the storage format that every DuckDB 1.x
reads, and takes the place of the one before in one step: who has that one open goes on reading it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
from dlt.common.destination.exceptions import DestinationException

from .causes import first_line, root_cause
from .destination import MARTS, PERSONAL, Destination
from .errors import PipelineError

STORAGE_VERSION = "v1.0.0"
"""Storage format that DuckDB has read since 0.10, and that 2.0 still writes."""

MODE = 0o640
"""No names and no addresses are in it, but a business's figures: not for every account of the
machine. A BI tool runs under another account, and reads it when that is in the file's group,
whatever the umask: whop.duckdb is its owner's alone, this file is there to be read by others."""

_COPY = "whop_elt_readers_copy"


def copy_path(database: Path) -> Path:
    """Where the copy for readers is: beside the DuckDB file, whop-marts.duckdb of whop.duckdb."""
    return database.with_name(f"{database.stem}-marts{database.suffix or '.duckdb'}")


def write_copy(destination: Destination) -> Path | None:
    """Replace the copy for readers by the marts as they are now, comments included.

    To be called under the run's lock. Without marts, and on other destinations than DuckDB, there
    is nothing to copy.

    Returns:
        Where it is; None when there is none.

    Raises:
        PipelineError: it cannot be written; the one before is as it was.
    """
    if destination.name != "duckdb":
        return None
    path = copy_path(Path(destination.location))
    # One run at a time writes it: what is there under this name was left by one that was killed.
    new = path.with_name(f".{path.name}.new")
    left = [new, new.with_name(f"{new.name}.wal")]
    try:
        for each in left:
            each.unlink(missing_ok=True)
        with destination.pipeline.sql_client() as client:
            copied = _copy_marts(client.native_connection, new)
        if not copied:
            return None
        new.chmod(MODE)
        new.replace(path)
    except (OSError, duckdb.Error, DestinationException) as error:
        raise PipelineError(
            f"The models are built, but their copy for readers, {path}, cannot be written: "
            f"{first_line(root_cause(error))}. See that the disk has room and the folder can be "
            "written to"
        ) from error
    finally:
        for each in left:
            each.unlink(missing_ok=True)
    return path


def _copy_marts(connection: Any, path: Path) -> int:
    """Copy every mart; return how many there are."""
    ((apart,),) = connection.execute(
        "select count(*) from duckdb_tables() "
        "where database_name = current_database() and schema_name = ?",
        [PERSONAL],
    ).fetchall()
    if not apart:
        # Marts of an earlier release, names and addresses among their columns: the next build's.
        return 0
    marts = connection.execute(
        "select table_name, comment from duckdb_tables() "
        "where database_name = current_database() and schema_name = ?",
        [MARTS],
    ).fetchall()
    if not marts:
        return 0
    columns = connection.execute(
        "select table_name, column_name, comment from duckdb_columns() "
        "where database_name = current_database() and schema_name = ? and comment is not null",
        [MARTS],
    ).fetchall()
    connection.execute(
        f"attach {_text(path)} as {_COPY} (storage_version {_text(STORAGE_VERSION)})"
    )
    try:
        # In one transaction: each by itself, comments waited for the disk six hundred times.
        connection.execute("begin")
        connection.execute(f"create schema {_COPY}.{MARTS}")
        for mart, _ in marts:
            connection.execute(
                f"create table {_COPY}.{MARTS}.{_name(mart)} as select * from {MARTS}.{_name(mart)}"
            )
        comments = [
            f"comment on table {_COPY}.{MARTS}.{_name(mart)} is {_text(comment)}"
            for mart, comment in marts
            if comment
        ]
        comments += [
            f"comment on column {_COPY}.{MARTS}.{_name(mart)}.{_name(column)} is {_text(comment)}"
            for mart, column, comment in columns
        ]
        connection.execute(";".join(comments))
        connection.execute("commit")
    except BaseException:
        with suppress(duckdb.Error):
            connection.execute("rollback")
        raise
    finally:
        connection.execute(f"detach {_COPY}")
    return len(marts)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
