"""Opens a warehouse to read: nothing is written, nobody is kept waiting, no folder is made.

A DuckDB file is open to one process that writes, or to any number that read. While a run writes, or
a notebook has the file, there is the copy that every build leaves beside it (`marts_copy`). On
Postgres a reader sees one moment of the marts, and not one in which they are being built.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import duckdb
import psycopg2
from dlt.destinations.exceptions import DestinationConnectionError
from psycopg2 import sql as composed

from . import address as postgres_address
from .causes import first_line
from .destination import (
    MODELLED,
    connect_postgres,
    credentials_of,
    not_modelled,
    open_destination,
)
from .destination_trouble import setting_of
from .errors import NoColumn, NoFile, NothingThere, PipelineError, SettingError
from .lock import building
from .marts_copy import copy_path
from .spark.settings import spark_home, spark_server

Answer = tuple[list[str], list[tuple[Any, ...]]]
"""Names of the columns, and the rows."""

SPARK = "--engine spark"
"""What `open_reader` calls the marts that Spark has built: a name that no destination has."""

QUERY_SECONDS = 60
"""How long a query may take, when nobody says otherwise."""

BUILD_SECONDS = 300
"""How long a reader of Postgres waits for a build to end."""

_PAUSE_SECONDS = 0.5
"""Pause between two looks whether the build has ended."""


class Warehouse(Protocol):
    """What there is to read from: a `Reader`, or a `Destination`."""

    @property
    def name(self) -> str:
        """The dlt destination's name."""

    @property
    def location(self) -> str:
        """File or address, for people."""

    def query(self, sql: str, *values: Any) -> Answer:
        """Run a query, `%s` in it standing for the values; NothingThere when a table is missing."""


@dataclass(frozen=True)
class Reader:
    """A warehouse that is open to read.

    Attributes:
        name: duckdb or postgres, whose SQL it takes.
        location: file, folder or address, for people.
        copied_at: when the marts that are read were copied, UTC; None when it is the warehouse
            itself that is read. In the copy there are the marts, and nothing else.
    """

    name: str
    location: str
    copied_at: datetime | None
    ask: Callable[[str, tuple[Any, ...], int | None], Answer]

    def query(self, sql: str, *values: Any, limit: int | None = None) -> Answer:
        """Run one SELECT; return the names of the columns and the rows.

        Args:
            sql: one statement; `%s` stands for a value, when there are values.
            values: the values.
            limit: the most rows to fetch; None is all of them.

        Raises:
            NothingThere: a table of the query does not exist.
            PipelineError: the database refuses the query, or it takes too long.
        """
        return self.ask(sql, values, limit)


@contextmanager
def open_reader(
    name: str,
    *,
    marts_alone: bool = False,
    raw: bool = False,
    amid_builds: bool = False,
    seconds: float = QUERY_SECONDS,
    build_seconds: float = BUILD_SECONDS,
) -> Iterator[Reader]:
    """Open a warehouse to read; no run is kept from anything meanwhile.

    Args:
        name: duckdb, postgres, filesystem, or SPARK: what Spark has built in WHOP_ELT_SPARK_HOME,
            or on the server of WHOP_ELT_SPARK_METHOD and its like.
        marts_alone: nothing but the marts can be read, whatever the SQL says. On DuckDB, and of a
            bucket, it is a copy that is opened. On Postgres the role decides what it may read: use
            one of `whop-elt grant-reader`.
        raw: whether the raw tables are wanted, too. In a folder or a bucket to look up their files
            takes longer than most questions; on a database they are there.
        amid_builds: on Postgres, do not wait for a build to end. For who reads one table, or no
            mart: of two marts, one may be of before and one of after.
        seconds: the most that a query may take.
        build_seconds: on Postgres, how long to wait for a build to end.

    Raises:
        SettingError: the models do not run on this destination, or its credentials are wrong.
        NothingThere: there is no such file yet.
        PipelineError: the database does not answer; or a build goes on for longer than one waits.
    """
    if name == SPARK and not marts_alone:
        # Spark is for few: who reads elsewhere does not wait for it to be imported.
        server = spark_server()
        if server:
            from .spark.server_reader import open_server

            with open_server(server, seconds) as reader:
                yield reader
            return
        from .spark.home import Home
        from .spark.reader import open_spark

        with open_spark(Home(spark_home()), seconds, raw=raw) as reader:
            yield reader
        return
    if name == "filesystem":
        from .bucket_models import bucket_copy, open_bucket

        with (
            open_copy(bucket_copy(contacts=False), seconds)
            if marts_alone
            else open_bucket(seconds, raw=raw)
        ) as reader:
            yield reader
        return
    if name not in MODELLED:
        raise not_modelled(name)
    credentials = credentials_of(name)
    if name == "postgres":
        with _postgres(credentials, amid_builds, seconds, build_seconds) as reader:
            yield reader
        return
    with _duckdb(Path(credentials.database).resolve(), marts_alone, seconds) as reader:
        yield reader


def tell_copy(copied_at: datetime) -> str:
    """A line for people who read the copy."""
    return (
        "The warehouse is open elsewhere, for writing: this is its copy for readers, as of "
        f"{copied_at:%Y-%m-%d %H:%M} UTC"
    )


@contextmanager
def open_to_read(name: str) -> Iterator[Warehouse]:
    """Open as a run does, but to look only; a DuckDB file that is open elsewhere, to read.

    Raises:
        NothingThere, SettingError, PipelineError: see `open_destination` and `open_reader`.
    """
    with ExitStack() as stack:
        warehouse: Warehouse
        try:
            warehouse = destination = open_destination(name, reading=True)
            if name == "duckdb":
                # Kept open: between two questions a run could take the file.
                client: Any = destination.pipeline.sql_client()
                stack.enter_context(client)
        except (NothingThere, SettingError):
            raise
        except (PipelineError, DestinationConnectionError):
            if name != "duckdb":
                raise
            warehouse = stack.enter_context(open_reader(name))
        yield warehouse


# -------------------------------------------------------------------------------- DuckDB


@contextmanager
def _duckdb(database: Path, marts_alone: bool, seconds: float) -> Iterator[Reader]:
    copy, copied_at = copy_path(database), None
    connection = None if marts_alone else _open_duckdb(database)
    if connection is None:
        if not copy.exists() and not database.exists():
            raise NoFile(database)
        connection = _open_duckdb(copy)
        if connection is None:
            raise PipelineError(
                f"{database} is open elsewhere, for writing, and {copy.name} beside it, which a "
                "build leaves for readers, is not there"
                if not copy.exists()
                else f"{copy} cannot be opened: something has it open for writing"
            )
        copied_at = datetime.fromtimestamp(copy.stat().st_mtime, UTC)
    with closing(connection):
        read = str(copy if copied_at else database)
        yield duckdb_reader(connection, read, copied_at, seconds)


@contextmanager
def open_copy(file: Path, seconds: float) -> Iterator[Reader]:
    """Open a DuckDB file to which nobody writes any more, to read.

    Raises:
        NoFile: it is not there.
    """
    connection = _open_duckdb(file)
    if connection is None:
        raise NoFile(file)
    with closing(connection):
        yield duckdb_reader(connection, str(file), None, seconds)


def duckdb_reader(
    connection: Any,
    location: str,
    copied_at: datetime | None,
    seconds: float,
    folders: Iterable[str] = (),
) -> Reader:
    """What reads by way of a connection of DuckDB's, which is locked for it.

    Args:
        connection: with all that is to be read.
        location: what is read, for people.
        copied_at: see `Reader`.
        seconds: the most that a query may take.
        folders: those that views of the connection read files of.
    """
    # No other file and no address can be read by way of SQL, and nobody can change that back.
    allowed = ", ".join("'" + folder.replace("'", "''") + "'" for folder in folders)
    for setting in (
        "set timezone = 'UTC'",
        *([f"set allowed_directories = [{allowed}]"] if allowed else []),
        "set enable_external_access = false",
        "set lock_configuration = true",
    ):
        connection.execute(setting)

    def ask(sql: str, values: tuple[Any, ...], limit: int | None) -> Answer:
        return _ask_duckdb(connection, sql, values, limit, seconds)

    return Reader("duckdb", location, copied_at, ask)


def _open_duckdb(path: Path) -> Any | None:
    """A connection that only reads; None when there is no file, or another process writes to it."""
    if not path.exists():
        return None
    try:
        return duckdb.connect(path, read_only=True)
    except duckdb.ConnectionException:
        # Within this process: a run of ours has it.
        return None
    except duckdb.IOException as error:
        if "Could not set lock" in str(error):
            return None
        raise PipelineError(f"duckdb cannot be opened: {first_line(error)}") from error


def _ask_duckdb(
    connection: Any, sql: str, values: tuple[Any, ...], limit: int | None, seconds: float
) -> Answer:
    overdue = threading.Timer(seconds, connection.interrupt)
    overdue.start()
    try:
        statements = duckdb.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise PipelineError("Only one SELECT is run")
        asked = sql.replace("%s", "?") if values else sql
        cursor = connection.execute(asked, list(values))
        names = [column[0] for column in cursor.description or ()]
        return names, cursor.fetchall() if limit is None else cursor.fetchmany(limit)
    except duckdb.InterruptException as error:
        raise PipelineError(f"The query took longer than {seconds:g} seconds") from error
    except duckdb.Error as error:
        if isinstance(error, duckdb.CatalogException) and "Table with name" in str(error):
            raise NothingThere(_missing(error)) from error
        if isinstance(error, duckdb.BinderException) and "column" in str(error).lower():
            raise NoColumn(f"duckdb refuses: {first_line(error)}") from error
        raise PipelineError(f"duckdb refuses: {first_line(error)}") from error
    finally:
        overdue.cancel()


# -------------------------------------------------------------------------------- Postgres


@contextmanager
def _postgres(
    credentials: Any, amid_builds: bool, seconds: float, build_seconds: float
) -> Iterator[Reader]:
    location = postgres_address.shown(postgres_address.of(credentials))
    try:
        connection = connect_postgres(credentials, "whop-elt reader")
    except psycopg2.Error as error:
        raise PipelineError(
            f"{location} does not answer: {first_line(error)}. Set {setting_of('postgres')}"
        ) from error
    with closing(connection):
        connection.autocommit = True
        with connection.cursor() as cursor:
            for name, value in (
                ("timezone", "UTC"),
                ("statement_timeout", f"{round(seconds * 1000)}"),
                # All rows are fetched, not the first few.
                ("cursor_tuple_fraction", "1"),
            ):
                cursor.execute("select set_config(%s, %s, false)", (name, value))
        connection.set_session("repeatable read", readonly=True, autocommit=False)

        def ask(sql: str, values: tuple[Any, ...], limit: int | None) -> Answer:
            return _ask_postgres(connection, sql, values, limit, seconds)

        if not amid_builds:
            _wait_for_build(connection, location, build_seconds)
        yield Reader("postgres", location, None, ask)


def _wait_for_build(connection: Any, location: str, seconds: float) -> None:
    """Begin a transaction whose moment is not one between the first new mart and the last."""
    until = time.monotonic() + seconds
    while True:
        builder = building(connection)
        connection.rollback()
        # The transaction's moment is that of its first query. A build that this one does not see
        # any more, but that was under way at that moment, is what the one before has seen.
        builder = builder or building(connection)
        if not builder:
            return
        connection.rollback()
        if time.monotonic() > until:
            raise PipelineError(
                f"The marts in {location} are being built, for more than {seconds:g} seconds "
                f"now, by {builder}: ask again when it has ended"
            )
        time.sleep(_PAUSE_SECONDS)


def _ask_postgres(
    connection: Any, sql: str, values: tuple[Any, ...], limit: int | None, seconds: float
) -> Answer:
    try:
        with connection.cursor() as cursor:
            cursor.execute("savepoint question")
            try:
                asked = cursor.mogrify(sql, values) if values else sql.encode()
                # A cursor is opened for one statement that gives rows; more is an error.
                opens = composed.SQL(
                    "declare answer refcursor := 'answer'; begin open answer for execute {}; end"
                ).format(composed.Literal(asked.decode()))
                cursor.execute(
                    composed.SQL("do {}").format(composed.Literal(opens.as_string(connection)))
                )
                cursor.execute(f"fetch {'all' if limit is None else int(limit)} from answer")
                return [column.name for column in cursor.description or ()], cursor.fetchall()
            finally:
                # What a query has set, by way of a function, is as before, the time limit too.
                cursor.execute("rollback to savepoint question")
    except psycopg2.errors.UndefinedTable as error:
        raise NothingThere(_missing(error)) from error
    except psycopg2.errors.UndefinedColumn as error:
        raise NoColumn(f"Postgres refuses: {first_line(error)}") from error
    except psycopg2.errors.QueryCanceled as error:
        raise PipelineError(f"The query took longer than {seconds:g} seconds") from error
    except psycopg2.Error as error:
        says = "refuses" if error.pgcode else "does not answer"
        raise PipelineError(f"Postgres {says}: {first_line(error)}") from error


def _missing(error: BaseException) -> str:
    return f"Not all of it is there yet, `whop-elt run` loads and models it: {first_line(error)}"
