"""One run at a time: in one folder, on one DuckDB file, and on one Postgres."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .destination import Destination
from .errors import Locked

_TURN_SECONDS = 0.2
"""Pause between two questions whether it is this sync's turn to load."""


@contextmanager
def run_lock(path: Path) -> Iterator[None]:
    """Hold the lock file while the block runs.

    The operating system drops the lock with the process that holds it, so a killed run leaves none
    behind, and the next one takes over.

    Raises:
        Locked: another process holds it; the text says which, and since when.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise Locked(f"A run is under way: {holder} holds {path}") from None
        file.truncate(0)
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        file.write(f"process {os.getpid()} on {socket.gethostname()}, since {now}")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


@contextmanager
def database_lock(destination: Destination) -> Iterator[None]:
    """Keep other runs off the warehouse, also those in other folders and containers.

    On Postgres these are advisory locks, which go with the connection: an exclusive one on the
    dataset; for one company alone a shared one on it and an exclusive one on the company, so that
    companies are synced side by side, each by one run. On DuckDB it is a lock file beside the
    database. Other destinations have no such lock.

    Raises:
        Locked: another run holds it; the text says from where, and since when.
    """
    if destination.name == "duckdb":
        with run_lock(Path(f"{destination.location}.lock")):
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
    with destination.pipeline.sql_client() as client:
        for function, name in wanted:
            got = client.execute_sql(f"select {function}(hashtext(%s))", name)
            if not got or not got[0][0]:
                holder = _holders(client, name)
                raise Locked(f"A run is under way on {destination.location}: {holder}")
        yield


@contextmanager
def loading_turn(destination: Destination) -> Iterator[None]:
    """Wait until no other company's sync is loading, and keep them waiting while the block runs.

    Companies are read side by side but loaded one after another: every load of dlt creates and
    alters the same tables, and empties the same staging tables before and after it fills them.
    """
    if not destination.company_id or destination.name != "postgres":
        yield
        return
    with destination.pipeline.sql_client() as client:
        name = f"{destination.pipeline.dataset_name}/load"
        while True:
            got = client.execute_sql("select pg_try_advisory_lock(hashtext(%s))", name)
            if got and got[0][0]:
                break
            # Asked for again and again, not waited for in Postgres, so that an interrupt is heeded.
            time.sleep(_TURN_SECONDS)
        yield


def _holders(client: Any, name: str) -> str:
    """Who holds the advisory lock of this name."""
    holders = client.execute_sql(
        "select a.pid, coalesce(host(a.client_addr), 'this machine'), a.backend_start "
        "from pg_locks as l join pg_stat_activity as a on a.pid = l.pid "
        "where l.locktype = 'advisory' and l.granted "
        "and l.objid = hashtext(%s)::bigint & 4294967295",
        name,
    )
    found = [
        f"Postgres process {pid}, connected from {address} since {since:%Y-%m-%d %H:%M:%S}"
        for pid, address, since in holders or ()
    ]
    return "; ".join(found) or "another one"
