"""The models of a folder or a bucket: built in a DuckDB file, published there, read from there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
from dlt.destinations.exceptions import DatabaseException

from whop_source.bucket.destination import MEMORY

from .bucket_trouble import of_bucket
from .builds import Builds, Table
from .builds_reader import copy_build, open_build, select_of
from .causes import causes, first_line, root_cause
from .destination import (
    Destination,
    bucket_client,
    open_destination,
)
from .destination_trouble import setting_of
from .errors import PipelineError, SettingError
from .lock import database_lock
from .log import event
from .names import BUILD_LOCK, MARTS, PERSONAL, WORK_FOLDER
from .reading import Reader
from .run_lock import run_lock
from .transform import kept_tables


@contextmanager
def models_home(destination: Destination) -> Iterator[Destination]:
    """Give where the models of a destination are built: there, but for a bucket.

    A bucket's newest versions are copied into the DuckDB file of the settings, whop.duckdb without
    one: every model reads the rows anew, which from a bucket takes longer than to copy them once.
    What builds have said of closed months comes from the bucket as well, so that the file may be
    lost; and the marts go there when all are built.

    Args:
        destination: what was synced into, locked.

    Raises:
        NothingThere: nothing is loaded yet.
        Locked: something else builds in the folder, as Spark does.
        SettingError: the file holds what was synced into it.
        PipelineError: the file cannot be opened or written, or a file of the bucket not be read.
    """
    if destination.name != "filesystem":
        yield destination
        return
    client: Any = destination.pipeline.destination_client()
    builds = _builds(client)
    with ExitStack() as stack:
        if builds.is_local:
            # A bucket's own lock is the only one there is, and held.
            stack.enter_context(run_lock(Path(client.bucket_path) / BUILD_LOCK))
        home = open_destination("duckdb")
        stack.enter_context(database_lock(home))
        home.still_locked = destination.still_locked
        _fill(home, destination, builds)
        home.publish = partial(_publish, home, destination, builds)
        yield home


def open_bucket(seconds: float, *, raw: bool) -> AbstractContextManager[Reader]:
    """Open the marts in the folder or bucket of the settings, to read; see `open_build`."""
    client = bucket_client()
    return open_build(_builds(client), client, _trouble, seconds, raw=raw)


def bucket_copy(*, contacts: bool) -> Path:
    """A DuckDB file here with the marts of the bucket, and nothing else; see `copy_build`.

    Args:
        contacts: whether names and addresses are to be in it, too.
    """
    client = bucket_client()
    schemas = (MARTS, PERSONAL) if contacts else (MARTS,)
    return copy_build(_builds(client), client, _trouble, WORK_FOLDER / "marts", schemas)


def _trouble(error: BaseException) -> PipelineError | None:
    return of_bucket(causes(error))


def _builds(client: Any) -> Builds:
    """The builds beside the raw tables of a `BucketClient`."""
    return Builds(
        client.fs_client,
        str(client.bucket_path),
        str(client.location).rsplit("/", 1)[0],
        "whop-elt transform --destination filesystem",
        client.config.protocol,
    )


def _fill(home: Destination, bucket: Destination, builds: Builds) -> None:
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
                _remember(connection, builds)
        except (duckdb.Error, DatabaseException, OSError) as error:
            if trouble := bucket.trouble(error):
                raise trouble from error
            raise PipelineError(
                f"{home.location} cannot be filled from {bucket.location}: "
                f"{first_line(root_cause(error))}"
            ) from error


def _remember(connection: Any, builds: Builds) -> None:
    """Take over what the build that counts remembers, be it of another machine or engine.

    What the file itself remembers beyond that was told to nobody: it was not published.
    """
    for (schema, table), files in builds.remembered().items():
        connection.execute(f'create schema if not exists "{schema}"')
        try:
            connection.execute(
                f'create or replace table "{schema}"."{table}" as {select_of(files)}'
            )
        except duckdb.Error as error:
            if builds.is_not_whole(error):
                raise builds.not_whole(builds.current, first_line(error)) from error
            raise


def _publish(
    home: Destination, bucket: Destination, builds: Builds, outcomes: Sequence[Any]
) -> None:
    """Write the marts, and what is remembered, into the bucket, and then make them count.

    Names and addresses go into a folder of their own, `whop_personal.db`, which a key may be kept
    from: the raw tables beside it have them anyway.

    Raises:
        PipelineError: the bucket cannot be written to, or does not hold what was built; what
            counted counts.
    """
    kept = kept_tables(outcomes)
    try:
        bucket.still_locked()
        build = builds.begin()
        with (
            home.pipeline.sql_client() as client,
            _memory(client.native_connection),
            tempfile.TemporaryDirectory(prefix="whop-elt-publish-") as folder,
        ):
            connection: Any = client.native_connection
            for table in _tables(connection, kept):
                file = Path(folder) / "table.parquet"
                _write(connection, table, file)
                builds.put(file, build, table)
                file.unlink()
        bucket.still_locked()
        builds.publish(build, kept)
    except PipelineError:
        raise
    except Exception as error:
        if trouble := bucket.trouble(error):
            said = f"The models are built, but not in {builds.location}: {trouble}"
            raise type(trouble)(said) from error
        raise
    event(f"The marts are in {builds.location}, build {build}", build=build)


def _tables(connection: Any, kept: Sequence[Table]) -> list[Table]:
    """The marts, and of those that remember the ones that are there."""
    there: list[Table] = connection.execute(
        "select schema_name, table_name from duckdb_tables() "
        "where database_name = current_database() order by schema_name, table_name"
    ).fetchall()
    return [each for each in there if each[0] in (MARTS, PERSONAL) or each in kept]


def _write(connection: Any, table: Table, file: Path) -> None:
    """Write a table to a Parquet file, which has the same columns and types."""
    name = ".".join(f'"{part}"' for part in table)
    place = str(file).replace("'", "''")
    connection.execute(f"copy {name} to '{place}' (format parquet, compression zstd)")
    here, there = (
        connection.execute(f"describe select * from {source}").fetchall()
        for source in (name, f"'{place}'")
    )
    if here != there:
        # Parquet has no integer of 128 bits, and DuckDB makes floats of them.
        raise PipelineError(f"{name} has a column of a type that Parquet does not have: {here}")


@contextmanager
def _memory(connection: Any) -> Iterator[None]:
    """Give a connection the memory that it takes to read a bucket, for the block."""
    ((before,),) = connection.execute("select current_setting('memory_limit')").fetchall()
    connection.execute(f"set memory_limit = '{MEMORY}'")
    try:
        yield
    finally:
        connection.execute(f"set memory_limit = '{before}'")
