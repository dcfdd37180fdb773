"""Reads a build with DuckDB, in memory: its tables, and the raw tables that lie beside it."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from whop_source.bucket.destination import MEMORY

from .builds import GONE, KEPT, Builds, Table
from .causes import first_line
from .errors import NothingThere, PipelineError
from .names import DATASET, MARTS, PERSONAL
from .reading import Answer, Reader, duckdb_reader

Trouble = Callable[[BaseException], PipelineError | None]
"""What is wrong with a folder or a bucket, by an error; None where it is no error of one."""


@contextmanager
def open_build(
    builds: Builds,
    client: Any,
    trouble: Trouble,
    seconds: float,
    *,
    raw: bool,
) -> Iterator[Reader]:
    """Open the current build to read, also while others build, load or compact; nothing is written.

    Args:
        builds: where it is.
        client: the `BucketClient` of the raw tables beside it; None where there are none.
        trouble: explains errors of the folder or bucket.
        seconds: the most that a query may take.
        raw: whether the raw tables are to be read too. To look up their files takes a while.

    Raises:
        NothingThere: no build was ever finished.
        PipelineError: a file is damaged or missing, or was replaced by a compaction meanwhile.
    """
    # What this key may not read, and why.
    refused: dict[str, str] = {}
    spill = Path(tempfile.gettempdir()) / f"whop-elt-marts-{os.getpid()}"
    connection = duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(spill)})
    with closing(connection):
        connection.execute("set timezone = 'UTC'")
        with _explained(builds, trouble):
            build = builds.current
            tables = builds.tables(build)
            if client is not None:
                client.lend(connection)
                client.list_all(builds.path(build))
            folders = []
            for schema in (MARTS, PERSONAL):
                folders.append(builds.address(build, f"{schema}.db"))
                try:
                    add_views(connection, {at: tables[at] for at in tables if at[0] == schema})
                except (duckdb.Error, OSError) as error:
                    if not _is_refused(error):
                        if builds.is_not_whole(error):
                            raise builds.not_whole(build, first_line(error)) from error
                        raise
                    if schema == MARTS:
                        raise PermissionError(first_line(error)) from error
                    refused[schema] = first_line(error)
            if raw and client is not None:
                folders.append(builds.address_of(client.dataset_path))
                try:
                    client.sql_client.create_views(connection, DATASET)
                except (duckdb.Error, OSError) as error:
                    if not _is_refused(error):
                        raise
                    refused[DATASET] = first_line(error)
        reader = duckdb_reader(connection, builds.location, None, seconds, folders)

        def ask(sql: str, values: tuple[Any, ...], limit: int | None) -> Answer:
            with _explained(builds, trouble):
                try:
                    return reader.ask(sql, values, limit)
                except NothingThere:
                    for schema, why in refused.items():
                        if schema in sql:
                            raise PipelineError(
                                f"permission denied for schema {schema} in {builds.location}: {why}"
                            ) from None
                    raise
                except PipelineError as error:
                    if any(words in str(error) for words in GONE):
                        raise PipelineError(
                            f"What was read in {builds.location} was removed meanwhile, as other "
                            "builds or a compaction have followed: ask again"
                        ) from error
                    raise

        yield Reader("duckdb", builds.location, None, ask)


def copy_build(
    builds: Builds, client: Any, trouble: Trouble, folder: Path, schemas: Sequence[str]
) -> Path:
    """Copy the current build into a DuckDB file, unless it is there; those of old ones go.

    Args:
        builds: where it is.
        client: the `BucketClient` that reads there.
        trouble: explains errors of the folder or bucket.
        folder: of this machine, for such copies.
        schemas: what of the build is copied.

    Returns:
        The file, which nobody writes to any more.

    Raises:
        NothingThere: no build was ever finished.
        PipelineError: it cannot be read, or the copy not be written.
    """
    with _explained(builds, trouble):
        build = builds.current
        file = folder / f"{build}-{'-'.join(schemas)}.duckdb"
        if file.exists():
            return file
        folder.mkdir(parents=True, exist_ok=True)
        new = folder / f".{uuid.uuid4().hex}.new"
        try:
            with duckdb.connect(new, config={"memory_limit": MEMORY}) as connection:
                client.lend(connection)
                client.list_all(builds.path(build))
                for (schema, table), files in builds.tables(build).items():
                    if schema in schemas:
                        connection.execute(f'create schema if not exists "{schema}"')
                        connection.execute(
                            f'create table "{schema}"."{table}" as {select_of(files)}'
                        )
            new.replace(file)
        finally:
            new.unlink(missing_ok=True)
        # Who was told of the one before may be about to open it.
        kept = sorted({each.name.split("-")[0] for each in folder.glob("*.duckdb")})[-KEPT:]
        for old in folder.glob("*.duckdb"):
            if old.name.split("-")[0] not in kept:
                old.unlink(missing_ok=True)
        return file


def add_views(connection: Any, tables: Mapping[Table, Sequence[str]]) -> None:
    """Make a view of each table, over its files, in a DuckDB that can read them."""
    for (schema, table), files in tables.items():
        connection.execute(f'create schema if not exists "{schema}"')
        connection.execute(f'create or replace view "{schema}"."{table}" as {select_of(files)}')


def select_of(files: Sequence[str]) -> str:
    """DuckDB's SELECT of all rows of these Parquet files, which one build has written."""
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    return f"select * from read_parquet([{listed}])"


def _is_refused(error: Exception) -> bool:
    """Whether a file is there, and may not be read."""
    return isinstance(error, PermissionError) or any(
        words in str(error) for words in ("Permission denied", "PermissionError")
    )


@contextmanager
def _explained(builds: Builds, trouble: Trouble) -> Iterator[None]:
    """Say in a line what is wrong with the folder or the bucket."""
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:
        if found := trouble(error):
            raise found from error
        if isinstance(error, duckdb.Error):
            raise PipelineError(f"{builds.location} cannot be read: {first_line(error)}") from error
        raise
