"""Postgres: a run whose lock is lost loads nothing more, and says so."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from loading import FAST, Line, Table
from local_postgres import free_port

from whop_elt.destination import DATASET, open_destination
from whop_elt.errors import ExitCode, Locked, PipelineError, SettingError
from whop_elt.lock import database_lock, loading_turn
from whop_elt.reading import open_reader
from whop_elt.run import locked_destination, sync
from whop_elt.transform import transform
from whop_source import RunReport

pytestmark = pytest.mark.parametrize("engine", ["postgres"], indirect=True)

ENDS_LOCK = (
    "select pg_terminate_backend(pid) from pg_stat_activity "
    "where application_name = 'whop-elt lock' and datname = current_database()"
)


def cut(line: Line) -> None:
    """End the connection that holds the run's lock, as a firewall does that has forgotten it."""
    with closing(psycopg2.connect(line.warehouse.location)) as admin, admin.cursor() as cursor:
        cursor.execute(ENDS_LOCK)
        assert cursor.fetchall() == [(True,)]
        for _ in range(100):
            cursor.execute("select count(*) from pg_locks where locktype = 'advisory'")
            if cursor.fetchone() == (0,):
                return
            time.sleep(0.05)
    raise AssertionError("the lock is still there")


def contents(line: Line) -> dict[str, Table]:
    return line.contents() | {
        table: {str(row): row for row in line.warehouse.read(table, schema=DATASET)}
        for table in ("sync_runs", "_dlt_loads", "_dlt_pipeline_state")
    }


def settings(line: Line) -> dict[str, Any]:
    return {
        "api_key": line.server.api_key,
        "base_url": line.server.base_url,
        "company_id": line.business.company_id,
        **FAST,
    }


def test_a_lock_lost_while_whop_is_read_ends_the_run_before_it_loads(loaded: Line) -> None:
    loaded.server.advance(timedelta(days=3))
    before = contents(loaded)
    with (
        pytest.raises(PipelineError) as ended,
        loaded.at_work(),
        locked_destination("postgres") as destination,
    ):
        sync(destination, RunReport(), loading=lambda: cut(loaded), **settings(loaded))
    said = str(ended.value)
    assert ended.value.exit_code is ExitCode.FAILED
    assert "lock on postgres at" in said
    assert "is lost" in said
    assert "its connection was cut" in said
    assert "\n" not in said
    assert contents(loaded) == before
    assert loaded.sync().code is ExitCode.OK


def test_a_lock_lost_while_rows_are_loaded_ends_the_run_before_it_models(loaded: Line) -> None:
    with (
        pytest.raises(PipelineError, match="nothing more is loaded or built"),
        loaded.at_work(),
        locked_destination("postgres") as destination,
    ):
        sync(destination, RunReport(), **settings(loaded))
        cut(loaded)
        transform(destination)
    assert not loaded.warehouse.query(
        "select 1 as one from information_schema.schemata where schema_name = 'whop_marts'"
    )


def test_a_lock_that_another_run_has_by_now_is_no_lock(loaded: Line) -> None:
    """The connection lives, and the lock is not its any more."""
    with loaded.at_work(), database_lock(open_destination("postgres")):
        destination = open_destination("postgres")
        destination.still_locked()
    with loaded.at_work():
        destination = open_destination("postgres")
        with database_lock(destination):
            destination.still_locked()
            check = destination.still_locked
            connection = check.args[1]  # type: ignore[attr-defined]
            with connection.cursor() as cursor:
                cursor.execute("select pg_advisory_unlock_all()")
            with pytest.raises(PipelineError, match="Postgres does not know of it any more"):
                destination.still_locked()
        destination.still_locked()


def test_options_in_the_address_reach_the_lock_and_a_reader(loaded: Line) -> None:
    loaded.warehouse.location += "?options=-c%20statement_timeout%3D5min%20-c%20work_mem%3D5MB"
    with loaded.at_work():
        with database_lock(open_destination("postgres")), open_reader("postgres") as reader:
            assert reader.query("show work_mem")[1] == [("5MB",)]
        assert open_destination("postgres").query("show work_mem")[1] == [("5MB",)]


def test_no_run_begins_while_one_without_its_lock_still_loads(loaded: Line) -> None:
    with loaded.at_work():
        first = open_destination("postgres")
        with (
            loading_turn(first),
            pytest.raises(Locked, match=r"A run is loading into .* Postgres process"),
            database_lock(open_destination("postgres")),
        ):
            pass
        with database_lock(open_destination("postgres")):
            pass


def test_the_connection_of_the_lock_says_now_and_then_that_it_is_there(loaded: Line) -> None:
    name = urlsplit(loaded.warehouse.location).path.strip("/")
    loaded.warehouse.execute(f"alter database {name} set idle_session_timeout = '1s'")
    with loaded.at_work():
        destination = open_destination("postgres")
        with database_lock(destination):
            connection = destination.still_locked.args[1]  # type: ignore[attr-defined]
            with socket.socket(fileno=os.dup(connection.fileno())) as own:
                assert own.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 60
            time.sleep(2.5)
            destination.still_locked()


@pytest.fixture(params=["transaction", "session"])
def pooled(loaded: Line, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Line]:
    """The warehouse behind a real pgbouncer."""
    program = shutil.which("pgbouncer")
    if not program:
        pytest.skip("there is no pgbouncer on this machine")
    parts, port = urlsplit(loaded.warehouse.location), free_port()
    folder = Path(f"/tmp/whop-elt-pgbouncer-{port}")
    folder.mkdir()
    (folder / "users").write_text(f'"{parts.username}" "{parts.password}"\n')
    (folder / "ini").write_text(
        f"[databases]\n* = host={parts.hostname} port={parts.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = plain\n"
        f"auth_file = {folder / 'users'}\npool_mode = {request.param}\nunix_socket_dir =\n"
        "ignore_startup_parameters = options,extra_float_digits\n"
    )
    folder.chmod(0o755)
    nobody = pwd.getpwnam("nobody").pw_name if os.getuid() == 0 else None
    pooler = subprocess.Popen([program, "-q", folder / "ini"], user=nobody)
    location = urlunsplit(
        parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}")
    )
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield Line(
            type(loaded.warehouse)("postgres", location, work=tmp_path), loaded.server, tmp_path
        )
    finally:
        pooler.terminate()
        pooler.wait()
        shutil.rmtree(folder)


def test_a_pool_in_transaction_mode_is_refused_and_one_in_session_mode_is_not(
    pooled: Line, request: pytest.FixtureRequest
) -> None:
    mode = request.node.callspec.params["pooled"]
    with pooled.at_work():
        destination = open_destination("postgres")
        if mode == "session":
            with database_lock(destination):
                destination.still_locked()
            return
        with (
            pytest.raises(SettingError, match="pool in transaction mode") as ended,
            database_lock(destination),
        ):
            pass
        assert "\n" not in str(ended.value)
