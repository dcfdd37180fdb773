"""One run at a time: in one folder, on one DuckDB file, and on one Postgres."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import psycopg2

from .bucket_lock import bucket_lock
from .causes import first_line
from .destination import (
    MARTS,
    Destination,
    connect_postgres,
    credentials_of,
    nothing_to_lose,
)
from .errors import Locked, PipelineError, SettingError
from .run_lock import run_lock

_TURN_SECONDS = 0.2
"""Pause between two questions whether it is this sync's turn to load."""

_READERS_SECONDS = 10

_BUILD_LOCK = f"{MARTS}/build"

_IDLE_SESSION_TIMEOUT = 140_000
"""Version of Postgres that brought the setting of this name."""


def wait_for_readers(name: str) -> None:
    """Wait a little until nobody reads the DuckDB file: `status`, `report`, a BI tool's refresh.

    It is open to one process that writes, or to any number that read. Whoever has it for longer is
    told of by what is to write to it next.
    """
    if name != "duckdb":
        return
    file = Path(credentials_of(name).database)
    until = time.monotonic() + _READERS_SECONDS
    while file.exists() and time.monotonic() < until:
        try:
            duckdb.connect(file).close()
            return
        except duckdb.Error as error:
            # Anything else is said by who opens it next; or this process itself has it open.
            if "Could not set lock" not in str(error):
                return
            time.sleep(_TURN_SECONDS)


@contextmanager
def database_lock(destination: Destination) -> Iterator[None]:
    """Keep other runs off the warehouse, also those in other folders and containers.

    On Postgres these are advisory locks, which go with the connection: an exclusive one on the
    dataset; for one company alone a shared one on it and an exclusive one on the company, so that
    companies are synced side by side, each by one run. While the block runs,
    `destination.still_locked` asks whether they are still held. On DuckDB it is a lock file beside
    the database, on a folder or a bucket what `bucket_lock` has. Other destinations have none.

    Raises:
        Locked: another run holds it; the text says from where, and since when.
        SettingError: a connection pooler is in between that no lock outlives a statement behind.
    """
    if destination.name == "duckdb":
        with run_lock(Path(f"{destination.location}.lock")):
            yield
        return
    if destination.name == "filesystem":
        with bucket_lock(destination):
            yield
        return
    if destination.name != "postgres":
        yield
        return
    dataset = destination.pipeline.dataset_name
    wanted = [("pg_try_advisory_lock", dataset)]
    if destination.company_id:
        wanted = [
            ("pg_try_advisory_lock_shared", dataset),
            ("pg_try_advisory_lock", f"{dataset}/{destination.company_id}"),
        ]
    with closing(_lock_connection(destination)) as connection:
        _refuse_lending_pooler(destination, connection)
        for function, name in wanted:
            ((got,),) = _ask(connection, f"select {function}(hashtext(%s))", name)
            if not got:
                holder = _holders(connection, name) or "another one"
                raise Locked(f"A run is under way on {destination.location}: {holder}")
        if not destination.company_id and (loading := _holders(connection, _load_lock(dataset))):
            # It has lost the lock that this run has now, and is to end before this one begins.
            raise Locked(f"A run is loading into {destination.location}: {loading}")
        held = [name for _, name in wanted]
        destination.still_locked = partial(_check, destination, connection, held)
        try:
            yield
        finally:
            destination.still_locked = nothing_to_lose


@contextmanager
def loading_turn(destination: Destination) -> Iterator[None]:
    """Wait until no other sync is loading, and keep others waiting while the block runs.

    Companies are read side by side but loaded one after another: every load of dlt creates and
    alters the same tables, and empties the same staging tables before and after it fills them.

    Raises:
        PipelineError: the run's lock is lost; nothing is to be loaded.
    """
    if destination.name != "postgres":
        wait_for_readers(destination.name)
        destination.still_locked()
        yield
        return
    name = _load_lock(destination.pipeline.dataset_name)
    with closing(_lock_connection(destination)) as connection:
        while True:
            ((got,),) = _ask(connection, "select pg_try_advisory_lock(hashtext(%s))", name)
            if got:
                break
            # Asked for again and again, not waited for in Postgres, so that an interrupt is heeded.
            time.sleep(_TURN_SECONDS)
        destination.still_locked()
        yield


@contextmanager
def build_lock(destination: Destination) -> Iterator[None]:
    """Let readers of Postgres know, while the block runs, that the marts are being built.

    Each is replaced by itself, and who reads two of them meanwhile may get one of before and one of
    after. A run that builds has its own lock already: this one keeps nobody from anything.
    """
    if destination.name != "postgres":
        wait_for_readers(destination.name)
        yield
        return
    with closing(_lock_connection(destination)) as connection:
        _ask(connection, "select pg_try_advisory_lock(hashtext(%s))", _BUILD_LOCK)
        yield


def building(connection: Any) -> str:
    """Who builds the marts at the moment, on a Postgres; empty when nobody does."""
    return _holders(connection, _BUILD_LOCK)


def _load_lock(dataset: str) -> str:
    return f"{dataset}/load"


def _lock_connection(destination: Destination) -> Any:
    """A connection that idles for as long as a run reads from Whop.

    Whatever is in between forgets a silent connection after some minutes, so it is not silent; and
    a server that ends idle sessions is told not to end this one.
    """
    credentials: Any = destination.pipeline.sql_client().credentials
    try:
        connection = connect_postgres(
            credentials,
            "whop-elt lock",
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
        )
        connection.autocommit = True
        if connection.server_version >= _IDLE_SESSION_TIMEOUT:
            _ask(connection, "select set_config('idle_session_timeout', '0', false)")
    except psycopg2.Error as error:
        raise PipelineError(
            f"{destination.location} does not answer: {first_line(error)}. "
            f"{destination.advice(str(error))}"
        ) from error
    return connection


def _refuse_lending_pooler(destination: Destination, connection: Any) -> None:
    """Refuse a pooler that lends a connection of the server's for a transaction only.

    Such a connection keeps the lock, and the next statement may come by another one. pgbouncer
    gives its clients process numbers of its own; behind it, a process of the server's that serves
    two of our connections, both open, belongs to neither.
    """
    ((process,),) = _ask(connection, "select pg_backend_pid()")
    if process == connection.info.backend_pid:
        return
    with closing(_lock_connection(destination)) as other:
        other.autocommit = False
        ((others,),) = _ask(other, "select pg_backend_pid()")
        ((now,),) = _ask(connection, "select pg_backend_pid()")
    if process == others or process != now:
        raise SettingError(
            f"{destination.location} is a connection pool in transaction mode, where a run cannot "
            "keep its lock: set DESTINATION__POSTGRES__CREDENTIALS to the database itself, or to a "
            "pool in session mode"
        )


def _check(destination: Destination, connection: Any, names: Sequence[str]) -> None:
    """Raise a PipelineError when one of these locks is not held by this connection any more."""
    try:
        ((held,),) = _ask(
            connection,
            "select count(distinct locks.objid) from pg_locks as locks, unnest(%s) as name "
            "where locks.locktype = 'advisory' and locks.granted and locks.pid = pg_backend_pid() "
            "and locks.objid = hashtext(name)::bigint & 4294967295",
            list(names),
        )
        if held == len(names):
            return
        why = "Postgres does not know of it any more; is a connection pool in between?"
    except psycopg2.Error as error:
        why = f"its connection was cut: {first_line(error).rstrip('.')}"
    raise PipelineError(
        f"This run's lock on {destination.location} is lost, and another run may have begun, so "
        f"nothing more is loaded or built; the next run brings it ({why})"
    )


def _ask(connection: Any, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _holders(connection: Any, name: str) -> str:
    """Who holds the advisory lock of this name; empty when nobody does."""
    holders = _ask(
        connection,
        "select a.pid, coalesce(host(a.client_addr), 'this machine'), a.backend_start "
        "from pg_locks as l join pg_stat_activity as a on a.pid = l.pid "
        "where l.locktype = 'advisory' and l.granted "
        "and l.database = (select oid from pg_database where datname = current_database()) "
        "and l.objid = hashtext(%s)::bigint & 4294967295",
        name,
    )
    return "; ".join(
        f"Postgres process {pid}, connected from {address}"
        + (f" since {since:%Y-%m-%d %H:%M:%S}" if since else "")
        for pid, address, since in holders
    )
