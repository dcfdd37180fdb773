"""Writes each table of a bucket anew in one file, and takes away the files that it replaces.

The new files do not count until one more file says so; the old ones go after that. Killed at any
moment, a compaction has happened as a whole or not at all, and the next one tidies up.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from .counted import COMPACTIONS, Counted, compacted_name, compactions, counted, load_of
from .destination import BucketClient
from .errors import BucketError

_ROWS_AT_A_TIME = 20_000

_UNENDED_SECONDS = 86_400
"""Age at which a load that has not ended never will."""


@dataclass(frozen=True)
class Compacted:
    """What a compaction has done.

    Attributes:
        tables: how many were written anew; those in one file already are not.
        files: how many files there were of them.
        versions: rows in those files.
        rows: rows that are left, the newest version of each.
    """

    tables: int
    files: int
    versions: int
    rows: int


def compact(client: BucketClient, still_locked: Callable[[], None] = lambda: None) -> Compacted:
    """Write the newest versions of every table to one file, and take away the files before.

    No load may end, and no other compaction be under way, meanwhile: hold the run's lock.

    Args:
        client: the bucket, with the schema of what is in it.
        still_locked: raises when the lock is lost; asked before what cannot be undone.

    Raises:
        DestinationUndefinedEntity: nothing was ever loaded.
        BucketError: a file cannot be read, or what was written is not what was read; all that
            counted counts.
    """
    before = counted(client)
    still_locked()
    _take_away(client, before)
    # Later than the one before, also on a machine whose clock is behind.
    name = f"{max(time.time(), float(before.compaction or 0) + 1e-3):.6f}"
    instead: dict[str, str] = {}
    tables = files = versions = rows = 0
    reading: Any = client.sql_client
    with reading:
        for table in reading.schema.data_table_names(seen_data_only=True):
            there = before.of(table, client.list_table_files(table))
            if not there:
                continue
            if len(there) == 1 and there[0].endswith(f"/{before.instead.get(table)}"):
                # Nothing has come since the last one.
                instead[table] = before.instead[table]
                continue
            instead[table] = compacted_name(table, name)
            path = client.pathlib.join(client.dataset_path, instead[table])
            tables += 1
            files += len(there)
            versions += sum(_rows_in(client, file) for file in there)
            rows += _write(client, reading, table, path)
    still_locked()
    # With this file it has happened.
    client.write_json(
        client.pathlib.join(client.dataset_path, COMPACTIONS, f"{name}.json"),
        {"replaced": sorted(before.loads), "instead": instead},
    )
    _take_away(client, Counted(before.loads, name, before.loads, instead))
    return Compacted(tables, files, versions, rows)


def _write(client: BucketClient, reading: Any, table: str, path: str) -> int:
    """Write the newest version of each row of a table to a file; return how many there are."""
    connection = reading.native_connection
    newest = reading.newest(table)
    with tempfile.TemporaryDirectory(prefix="whop-elt-compact-") as folder:
        file = Path(folder) / "table.parquet"
        try:
            ((wanted,),) = connection.execute(f"select count(*) from ({newest})").fetchall()
            with (
                connection.sql(newest).to_arrow_reader(_ROWS_AT_A_TIME) as batches,
                pq.ParquetWriter(file, batches.schema, compression="zstd") as parquet,
            ):
                for batch in batches:
                    parquet.write_batch(batch)
        except duckdb.Error as error:
            raise BucketError(f"{table} cannot be read: {str(error).splitlines()[0]}") from error
        client.put(file, path)
    written = _rows_in(client, path)
    if written != wanted:
        raise BucketError(
            f"Of {table} {written:,} rows were written and {wanted:,} read: nothing is replaced"
        )
    return int(written)


def _rows_in(client: BucketClient, path: str) -> int:
    """How many rows a Parquet file has, as it says at its end.

    Raises:
        BucketError: it is none, or half of one.
    """
    try:
        with client.fs_client.open(path, "rb") as file:
            return int(pq.read_metadata(file).num_rows)
    except (ValueError, pa.ArrowException) as error:
        raise BucketError(f"{path} is no whole Parquet file: {error}") from error


def _take_away(client: BucketClient, what: Counted) -> None:
    """Remove what a compaction has replaced, and what killed loads have left long ago."""
    long_ago = time.time() - _UNENDED_SECONDS
    reading: Any = client.sql_client
    for table in reading.schema.data_table_names():
        there = client.list_table_files(table)
        counts = set(what.of(table, there))
        for path in there:
            load = load_of(path)
            unended = load not in what.loads and _moment(load) < long_ago
            if path not in counts and (what.left_over(path) or unended):
                client.remove(path)
    for path in compactions(client):
        if not path.endswith(f"/{what.compaction}.json"):
            client.remove(path)


def _moment(load: str) -> float:
    """When a load began, in seconds since 1970, as its id says; of what is none, never."""
    try:
        return float(load)
    except ValueError:
        return float("inf")
