"""One run at a time on one pipeline: on this machine, and on one Postgres."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from .destination import Destination
from .errors import Locked


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
    """Hold an advisory lock of Postgres on the dataset while the block runs.

    Runs in other folders and containers see it. Postgres drops it with the connection. A DuckDB
    file is opened by one process at a time anyway; other destinations have no such lock.

    Raises:
        Locked: another run holds it; the text says from where, and since when.
    """
    if destination.name != "postgres":
        yield
        return
    dataset = destination.pipeline.dataset_name
    with destination.pipeline.sql_client() as client:
        got = client.execute_sql("select pg_try_advisory_lock(hashtext(%s))", dataset)
        if not got or not got[0][0]:
            holders = client.execute_sql(
                "select a.pid, coalesce(host(a.client_addr), 'this machine'), a.backend_start "
                "from pg_locks as l join pg_stat_activity as a on a.pid = l.pid "
                "where l.locktype = 'advisory' and l.granted "
                "and l.objid = hashtext(%s)::bigint & 4294967295",
                dataset,
            )
            who = "; ".join(
                f"Postgres process {pid}, connected from {address} since {since:%Y-%m-%d %H:%M:%S}"
                for pid, address, since in holders or ()
            )
            raise Locked(f"A run is under way on {destination.location}: {who or 'another one'}")
        yield
