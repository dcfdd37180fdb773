"""Writes the readers' copy of a DuckDB warehouse: the marts alone, in a file of their own.

A DuckDB file cannot be read while another process writes to it, has no roles, and is refused by
tools that bring an older DuckDB. The copy is written in the storage format that every DuckDB 1.x
reads, and takes the place of the one before in one step: who has that one open goes on reading it.

It begins as that one, where that has the same marts and columns, and is given the rows that differ:
to compare them all takes a third of the time to write them all.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
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
        with destination.session() as client:
            copied = _copy_marts(client.native_connection, path, new)
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


def _copy_marts(connection: Any, before: Path, path: Path) -> int:
    """Copy every mart, from the copy before if that will do; return how many there are."""
    ((here, apart),) = connection.execute(
        "select current_database(), count(*) from duckdb_tables() "
        "where database_name = current_database() and schema_name = ?",
        [PERSONAL],
    ).fetchall()
    if not apart:
        # Marts of an earlier release, names and addresses among their columns: the next build's.
        return 0
    marts = _marts(connection, here)
    if not marts:
        return 0
    # Of other columns, the file of the copy before would keep what was in them.
    if _held(before) == marts:
        shutil.copyfile(before, path)
        try:
            _fill(connection, path, marts, _replace_all)
        except duckdb.Error:
            # It may be damaged where nobody has looked: without it, as when there is none.
            path.unlink()
        else:
            return len(marts)
    _fill(connection, path, marts, _make)
    return len(marts)


Marts = dict[str, tuple[str | None, list[tuple[str, str, str | None]]]]
"""Each mart's comment, and its columns: name, type and comment."""


def _held(path: Path) -> Marts:
    """The marts of a copy; none where there is none, or none that can be read."""
    if not path.exists():
        return {}
    try:
        with closing(duckdb.connect(str(path), read_only=True)) as copy:
            return _marts(copy, path.stem)
    except duckdb.Error:
        return {}


def _marts(connection: Any, database: str) -> Marts:
    tables = connection.execute(
        "select table_name, comment from duckdb_tables() "
        "where database_name = ? and schema_name = ?",
        [database, MARTS],
    ).fetchall()
    marts: Marts = {mart: (comment, []) for mart, comment in tables}
    for mart, name, kind, comment in connection.execute(
        "select table_name, column_name, data_type, comment from duckdb_columns() "
        "where database_name = ? and schema_name = ? order by table_name, column_index",
        [database, MARTS],
    ).fetchall():
        if mart in marts:
            marts[mart][1].append((name, kind, comment))
    return marts


def _fill(connection: Any, path: Path, marts: Marts, write: Callable[[Any, Marts], None]) -> None:
    """Attach the new copy and have it written in one transaction.

    Each statement by itself, comments waited for the disk six hundred times.
    """
    connection.execute(
        f"attach {_text(path)} as {_COPY} (storage_version {_text(STORAGE_VERSION)})"
    )
    try:
        connection.execute("begin")
        write(connection, marts)
        connection.execute("commit")
    except BaseException:
        with suppress(duckdb.Error):
            connection.execute("rollback")
        raise
    finally:
        connection.execute(f"detach {_COPY}")


def _make(connection: Any, marts: Marts) -> None:
    """Make the copy of every mart, comments included."""
    connection.execute(f"create schema {_COPY}.{MARTS}")
    comments: list[str] = []
    for mart, (comment, columns) in marts.items():
        table = f"{_COPY}.{MARTS}.{_name(mart)}"
        connection.execute(f"create table {table} as select * from {MARTS}.{_name(mart)}")
        if comment:
            comments.append(f"comment on table {table} is {_text(comment)}")
        comments += [
            f"comment on column {table}.{_name(name)} is {_text(said)}"
            for name, _, said in columns
            if said
        ]
    connection.execute(";".join(comments))


def _replace_all(connection: Any, marts: Marts) -> None:
    for mart, (_, columns) in marts.items():
        _replace_rows(connection, mart, [name for name, _, _ in columns])


def _replace_rows(connection: Any, mart: str, columns: Sequence[str]) -> None:
    """Give the copy of a mart the rows that it has otherwise, or not at all, or too many of.

    A row is known by two hashes of 64 bits. Where it is there more often on one side than on the
    other, all of it goes and comes.
    """
    names = ", ".join(_name(column) for column in columns)
    digests = f"hash(hash({names})), hash(hash(1, {names}))"
    ours, copy = f"{MARTS}.{_name(mart)}", f"{_COPY}.{MARTS}.{_name(mart)}"
    differing = f"{_COPY}_differing"
    connection.execute(
        f"create or replace temp table {differing} as select one, other from ("
        f"select {digests}, 1 from {ours} union all select {digests}, -1 from {copy}"
        ") as rows_of_both (one, other, side) group by one, other having sum(side) <> 0"
    )
    ((count,),) = connection.execute(f"select count(*) from {differing}").fetchall()
    if count:
        where = f"where ({digests}) in (select one, other from {differing})"
        connection.execute(f"delete from {copy} {where}")
        connection.execute(f"insert into {copy} select * from {ours} {where}")
    connection.execute(f"drop table {differing}")


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
