"""The command line as a person, cron and a monitor meet it: output, exit codes, no traceback."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import psycopg2
import psycopg2.errors
import pytest
from dlt.destinations.exceptions import DatabaseTransientException
from rich.console import Console
from typer.testing import CliRunner

from whop_elt import cli, log, process
from whop_elt.destination import DATASET, Destination
from whop_elt.errors import NoColumn
from whop_elt.options import console
from whop_simulator import ALL_PERMISSIONS, Business, Fault, Server, options, serve
from whop_source import RESOURCES
from whop_source.ranges import WALKERS

COMMANDS = sorted(
    str(command.callback.__name__).replace("_", "-")
    for command in cli.app.registered_commands
    if command.callback
)
CLOSED = "http://127.0.0.1:9/api/v1"
NO_POSTGRES = "postgresql://me:s3cret-pw@127.0.0.1:9/whop"


@dataclass
class Result:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


@dataclass
class Shell:
    """A working folder with an environment; commands run in this process, which saves seconds."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    everything_said: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, **environment: str) -> Result:
        with self.monkeypatch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", ["whop-elt", *arguments])
            patch.setattr(console, "_width", 200)
            for name in list(os.environ):
                if name.startswith(("SOURCES__", "DESTINATION__", "WHOP_ELT_")):
                    patch.delenv(name)
            for name, value in {**self.environment, **environment}.items():
                patch.setenv(name, value)
            # dlt's log still writes to what an earlier test had for its standard error.
            patch.setattr(logging.getLogger("dlt"), "handlers", [])
            with pytest.raises(SystemExit) as ended:
                cli.main()
        captured = self.capsys.readouterr()
        result = Result(int(ended.value.code or 0), captured.out, captured.err)
        self.everything_said += result.said
        assert "Traceback" not in result.said
        return result

    def point_at(self, server: Server) -> None:
        self.environment |= {
            "SOURCES__WHOP__API_KEY": server.api_key,
            "SOURCES__WHOP__BASE_URL": server.base_url,
            "SOURCES__WHOP__COMPANY_ID": server.businesses[0].company_id,
            "SOURCES__WHOP__BACKOFF_SECONDS": "0.01",
            "SOURCES__WHOP__MAX_ATTEMPTS": "2",
        }


def business() -> Business:
    return Business(members=60, years=1)


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(business()) as running:
        yield running


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return Shell(tmp_path, monkeypatch, capsys)


@pytest.fixture
def connected(shell: Shell, server: Server) -> Shell:
    shell.point_at(server)
    return shell


# Help


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example(command: str) -> None:
    help_text = CliRunner().invoke(cli.app, [command, "--help"]).output
    assert "Example" in help_text
    assert f"whop-elt {command}" in help_text.replace("\n", " ")


def test_the_help_lists_every_command_and_where_to_begin() -> None:
    help_text = CliRunner().invoke(cli.app, ["--help"]).output
    for command in COMMANDS:
        assert command in help_text
    assert "whop-elt demo" in help_text


AGES = [["status", "--max-age-hours", hours] for hours in ("x", "nan", "inf", "1e400", "-1")]


@pytest.mark.parametrize("arguments", [["nonsense"], ["sync", "--nonsense"], *AGES])
def test_wrong_usage_ends_with_a_usage_message(shell: Shell, arguments: list[str]) -> None:
    result = shell(*arguments)
    assert result.code == 1
    assert "nonsense" in result.err or "max-age-hours" in result.err


# check


def test_check_says_that_all_is_well_table_by_table(connected: Shell, server: Server) -> None:
    result = connected("check")
    assert result.code == 0
    assert server.businesses[0].company_id in result.out
    for resource in RESOURCES:
        if resource.listed:
            assert resource.name in result.out
    assert "no " not in [line[:3] for line in result.out.splitlines()]
    assert "whop.duckdb" in result.out


def test_check_says_which_surface_is_asked_and_who_has_said_so(connected: Shell) -> None:
    said = connected("check").out
    assert "Legacy, version 2025-01-01 (the default)" in said
    assert "a key made since about August 2026" in said
    said = connected("check", SOURCES__WHOP__API_VERSION="2026-10-15-1").out
    assert "Current, version 2026-10-15-1 (SOURCES__WHOP__API_VERSION)" in said
    said = connected("check", SOURCES__WHOP__API_VERSION="2026-10-09-2").out
    assert "this version is not tried" in said
    assert "whichever version" in connected("check", SOURCES__WHOP__API_VERSION="none").out


def test_check_names_the_setting_of_a_version_that_is_none(connected: Shell) -> None:
    result = connected("check", SOURCES__WHOP__API_VERSION="newest")
    assert result.code == 1
    assert "SOURCES__WHOP__API_VERSION is 'newest'" in result.err


@pytest.mark.parametrize("version", ["2025-01-01", "2026-10-15-1"])
def test_check_says_what_the_key_may_do_and_what_whop_is_to_retire(
    shell: Shell, version: str
) -> None:
    ends = options.Deprecated(since=datetime(2026, 8, 25, tzinfo=UTC))
    permissions = ALL_PERMISSIONS - {"lead:basic:read"}
    with serve(business(), permissions=permissions, deprecated={"/members": ends}) as server:
        shell.point_at(server)
        result = shell("check", SOURCES__WHOP__API_VERSION=version)
    assert result.code == 3
    assert "it may not: lead:basic:read" in result.out
    assert "GET /members: Whop will retire it (deprecated since 2026-08-25)" in result.out


def test_check_says_which_list_whop_has_not(shell: Shell) -> None:
    with serve(business(), retired=("legacy:/leads",)) as server:
        shell.point_at(server)
        result = shell("check")
    assert result.code == 3
    assert "There is no such list" in result.out


def test_check_loads_nothing(connected: Shell) -> None:
    connected("check")
    held = duckdb.connect(str(connected.folder / "whop.duckdb")).sql(
        "select table_name from information_schema.tables where table_name[:4] <> '_dlt'"
    )
    assert held.fetchall() == []


def test_check_names_the_setting_of_a_wrong_key(connected: Shell) -> None:
    result = connected("check", SOURCES__WHOP__API_KEY="wrong-key-9d1")
    assert result.code == 1
    assert "SOURCES__WHOP__API_KEY" in result.out
    assert "wrong-key-9d1" not in result.said


def test_check_names_the_setting_of_a_key_that_is_not_there(connected: Shell) -> None:
    del connected.environment["SOURCES__WHOP__API_KEY"]
    result = connected("check")
    assert result.code == 1
    assert "SOURCES__WHOP__API_KEY" in result.err


def test_check_names_the_setting_of_a_wrong_company(connected: Shell) -> None:
    result = connected("check", SOURCES__WHOP__COMPANY_ID="biz_unknown")
    assert result.code == 1
    assert "SOURCES__WHOP__COMPANY_ID" in result.out
    assert "biz_unknown" in result.out


def test_check_names_the_setting_of_a_version_whop_does_not_know(connected: Shell) -> None:
    result = connected("check", SOURCES__WHOP__API_VERSION="1999-01-01")
    assert result.code == 1
    assert "SOURCES__WHOP__API_VERSION" in result.out


@pytest.mark.parametrize("address", ["nonsense", "ftp://api.whop.com", "https://"])
@pytest.mark.parametrize("command", ["check", "sync"])
def test_an_address_that_is_none_is_a_setting(connected: Shell, command: str, address: str) -> None:
    result = connected(command, SOURCES__WHOP__BASE_URL=address)
    assert result.code == 1
    assert "SOURCES__WHOP__BASE_URL" in result.said


def test_check_says_that_nobody_answers(connected: Shell) -> None:
    result = connected("check", SOURCES__WHOP__BASE_URL=CLOSED)
    assert result.code == 2
    assert CLOSED in result.out
    assert "SOURCES__WHOP__BASE_URL" in result.out


def test_check_names_the_missing_permission_and_goes_on(shell: Shell) -> None:
    denied = {"promo_code:basic:read", "member:email:read"}
    with serve(business(), permissions=ALL_PERMISSIONS - denied) as server:
        shell.point_at(server)
        result = shell("check")
    assert result.code == 3
    lines = result.out.splitlines()
    refused = [line.split()[1] for line in lines if line.startswith("no")]
    assert "promo_codes" in refused
    assert "plans" not in refused
    # Letter by letter: they are copied into Whop's list of permissions.
    assert all(name in result.out for name in denied)


def test_check_says_that_postgres_is_down(connected: Shell) -> None:
    result = connected("check", "-d", "postgres", DESTINATION__POSTGRES__CREDENTIALS=NO_POSTGRES)
    assert result.code == 2
    assert "postgres does not answer" in result.out
    assert "s3cret-pw" not in result.said


def test_check_says_that_nothing_can_be_written(connected: Shell, postgres_url: str) -> None:
    def said(url: str = postgres_url) -> tuple[int, str]:
        result = connected("check", "-d", "postgres", DESTINATION__POSTGRES__CREDENTIALS=url)
        (line,) = [line for line in result.out.splitlines() if "  destination" in line]
        return result.code, line

    code, line = said()
    assert code == 0
    assert line.startswith("ok")
    name = urlsplit(postgres_url).path[1:]
    with closing(psycopg2.connect(postgres_url)) as admin:
        admin.autocommit = True
        cursor = admin.cursor()
        cursor.execute("create role clerk login password 'loopback'")
        try:
            clerk = postgres_url.replace("postgres:loopback@", "clerk:loopback@")
            code, line = said(clerk)
            assert code == 1
            assert "lets this role make no schemas" in line
            assert "name the owner's role" in line
            for schema in ("raw", "staging", "intermediate", "marts", "personal"):
                cursor.execute(f"create schema whop_{schema}")
                may = "usage" if schema == "raw" else "usage, create"
                cursor.execute(f"grant {may} on schema whop_{schema} to clerk")
            code, line = said(clerk)
            assert code == 1
            assert "make no tables in whop_raw." in line
            cursor.execute("grant create on schema whop_raw to clerk")
            assert said(clerk)[0] == 0
            cursor.execute(f"alter database {name} set default_transaction_read_only = on")
            code, line = said()
            assert code == 1
            assert "is read only" in line
            assert "default_transaction_read_only off" in line
        finally:
            cursor.execute(f"alter database {name} reset default_transaction_read_only")
            cursor.execute("set default_transaction_read_only = off")
            cursor.execute("drop owned by clerk cascade")
            cursor.execute("drop role clerk")


# sync


def test_sync_loads_and_says_what_came_in(connected: Shell, server: Server) -> None:
    result = connected("sync", "--tables", "members", "--tables", "apps")
    assert result.code == 0
    assert "members: 60 new, 0 changed, 0 deleted" in result.err
    assert result.out == ""
    quiet = connected("sync", "--tables", "members", "--quiet")
    assert (quiet.code, quiet.said) == (0, "")


def test_sync_speaks_json_to_machines(connected: Shell) -> None:
    result = connected("sync", "--tables", "members", "--log-format", "json")
    (line,) = [json.loads(line) for line in result.err.splitlines()]
    assert datetime.fromisoformat(line["time"]).utcoffset() == timedelta(0)
    wanted = {"level": "info", "table": "members", "status": "ok", "mode": "full", "rows_new": 60}
    assert wanted.items() <= line.items()
    with duckdb.connect(str(connected.folder / "whop.duckdb")) as held:
        runs = held.sql(f"select distinct run_id from {DATASET}.sync_runs").fetchall()
    assert runs == [(line["run_id"],)]


def test_sync_of_one_company_has_cursors_of_its_own(connected: Shell, server: Server) -> None:
    company = server.businesses[0].company_id
    arguments = ("sync", "--tables", "members", "--log-format", "json")
    modes = []
    for also in (["--company", company], [], ["--company", company]):
        result = connected(*arguments, *also)
        assert result.code == 0, "with SOURCES__WHOP__COMPANY_ID set, too"
        modes.append(json.loads(result.err.splitlines()[0])["mode"])
    assert modes == ["full", "full", "incremental"]
    assert [path.name for path in connected.folder.glob("*.duckdb")] == ["whop.duckdb"]
    nobody = connected("sync", "--company", "biz_nobody", "--tables", "members")
    assert nobody.code == 1
    assert "biz_nobody" in nobody.err


def test_sync_ends_with_1_for_a_setting(connected: Shell) -> None:
    unknown = connected("sync", "--tables", "bills")
    assert unknown.code == 1
    assert "bills" in unknown.err
    assert "payments" in unknown.err

    key = connected("sync", "--tables", "apps", SOURCES__WHOP__API_KEY="wrong-key-9d1")
    assert key.code == 1
    assert "SOURCES__WHOP__API_KEY" in key.err

    destination = connected("sync", "-d", "no_such_thing")
    assert destination.code == 1
    assert "no_such_thing" in destination.err

    unreadable = connected(
        "sync", "-d", "postgres", DESTINATION__POSTGRES__CREDENTIALS="me:s3cret-pw@nowhere"
    )
    assert unreadable.code == 1
    assert "DESTINATION__POSTGRES__CREDENTIALS" in unreadable.err
    assert "s3cret-pw" not in unreadable.said

    del connected.environment["SOURCES__WHOP__API_KEY"]
    none = connected("sync", "--tables", "apps")
    assert none.code == 1
    assert "SOURCES__WHOP__API_KEY" in none.err


def test_sync_ends_with_2_for_a_failure(connected: Shell, server: Server) -> None:
    closed = connected("sync", "--tables", "apps", SOURCES__WHOP__BASE_URL=CLOSED)
    assert closed.code == 2
    assert CLOSED in closed.err

    server.faults.add("GET /members", Fault("status", status=503))
    failed = connected("sync", "--tables", "members", "--tables", "apps")
    assert failed.code == 2
    assert "members: failed" in failed.err
    assert "apps: 4 new" in failed.err

    postgres = connected("sync", "-d", "postgres", DESTINATION__POSTGRES__CREDENTIALS=NO_POSTGRES)
    assert postgres.code == 2
    assert "DESTINATION__POSTGRES__CREDENTIALS" in postgres.err
    assert "s3cret-pw" not in postgres.said


def test_sync_ends_with_3_for_a_missing_permission(shell: Shell) -> None:
    with serve(business(), permissions=ALL_PERMISSIONS - {"promo_code:basic:read"}) as server:
        shell.point_at(server)
        result = shell("sync", "--tables", "promo_codes", "--tables", "members")
    assert result.code == 3
    assert "promo_code:basic:read" in result.err
    assert "members: 60 new" in result.err


def test_sync_says_that_a_file_is_no_database(connected: Shell) -> None:
    (connected.folder / "whop.duckdb").write_text("certainly not a database" * 300)
    result = connected("sync", "--tables", "apps")
    assert result.code == 2
    assert "DESTINATION__DUCKDB__CREDENTIALS" in result.err


def test_other_destinations_of_dlt_are_passed_on(connected: Shell) -> None:
    """Such as a folder of files; what it holds and where the cursors stand is asked of it too."""
    bucket = connected.folder / "bucket"
    bucket.mkdir()
    connected.environment["DESTINATION__FILESYSTEM__BUCKET_URL"] = bucket.as_uri()
    arguments = ("sync", "-d", "filesystem", "--tables", "apps", "--tables", "members")
    first = connected(*arguments)
    assert first.code == 0
    assert "members: 60 new" in first.err
    assert list(bucket.glob(f"{DATASET}/members/*"))
    second = connected(*arguments)
    assert second.code == 0
    assert "members: 0 new, 0 changed" in second.err


# Interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_ends_a_run_that_is_reading_within_seconds(
    shell: Shell, number: signal.Signals
) -> None:
    """Ctrl-C, `systemctl stop` or `docker stop`, and a terminal that is closed."""
    with serve(Business(members=1_000, years=3), latency=1.0) as slow:
        shell.point_at(slow)
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                # A shell without job control starts what runs in the background deaf to it.
                "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
                "import sys; sys.argv[1:] = ['sync']\n"
                "from whop_elt.cli import main; main()",
            ],
            cwd=shell.folder,
            env={**os.environ, **shell.environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        while slow.requests["GET /payments"] < 12:
            time.sleep(0.05)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "Interrupted" in said
        assert [*(shell.folder / ".whop-elt" / "dlt").iterdir()] == [], "rows lie about"
        asked = sum(slow.requests.values())
        time.sleep(2)
        assert sum(slow.requests.values()) == asked
        # To the end it would have been some hundred more.
        assert slow.requests["GET /payments"] < 12 + 4 * WALKERS


# What a database, an older release or a terminal has against it


@pytest.mark.parametrize(
    ("refusal", "advice"),
    [
        (psycopg2.errors.InsufficientPrivilege("permission denied for schema x"), "owner"),
        (psycopg2.errors.ReadOnlySqlTransaction("in a read-only transaction"), "read_only off"),
        (psycopg2.errors.QueryCanceled("due to statement timeout"), "set statement_timeout = 0"),
        (psycopg2.OperationalError("server closed the connection"), "is up and takes"),
        (duckdb.IOException("Could not set lock on file x"), "Close what else has it open"),
    ],
)
def test_what_a_database_refuses_is_one_line_wherever_it_happens(
    shell: Shell, refusal: Exception, advice: str
) -> None:
    def failing(**_: object) -> None:
        log.set_up("text", quiet=False)
        try:
            raise refusal
        except type(refusal) as error:
            raise DatabaseTransientException(error) from error

    shell.monkeypatch.setattr(cli, "app", failing)
    result = shell()
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert str(refusal) in line
    assert advice in line


def test_models_of_an_earlier_release_are_to_be_built_anew(shell: Shell) -> None:
    def failing(**_: object) -> None:
        log.set_up("text", quiet=False)
        raise NoColumn('duckdb refuses: Binder Error: Referenced column "new" not found!')

    shell.monkeypatch.setattr(cli, "app", failing)
    result = shell()
    assert result.code == 2
    assert "`whop-elt transform` builds them anew" in result.err


def test_a_terminal_without_a_character_shows_something_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = io.BytesIO()
    terminal = io.TextIOWrapper(shown, "ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    process.forgive_characters()
    print("Plan 月額")
    terminal.flush()
    assert shown.getvalue() == b"Plan ??\n"
    monkeypatch.undo()


# The lock


@pytest.fixture
def holder(shell: Shell) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock of the folder."""
    program = (
        "import sys, time; from pathlib import Path; from whop_elt.run_lock import run_lock\n"
        "with run_lock(Path('.whop-elt/lock')): print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=shell.folder, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_run_says_who_holds_the_lock_and_a_killed_holder_s_lock_is_taken_over(
    connected: Shell, server: Server, holder: subprocess.Popen[str]
) -> None:
    for command in ("sync", "run", "transform"):
        refused = connected(command)
        assert refused.code == 4, command
        assert f"process {holder.pid}" in refused.err
        assert "since 20" in refused.err
    assert not server.requests

    holder.send_signal(signal.SIGKILL)
    holder.wait()
    taken_over = connected("sync", "--tables", "apps")
    assert taken_over.code == 0
    assert (connected.folder / ".whop-elt" / "lock").read_text() == ""


# status and report


def test_status_tells_people_machines_and_monitors(connected: Shell, server: Server) -> None:
    connected("sync", "--tables", "members")
    server.faults.add("GET /payments", Fault("status", status=503))
    connected("sync", "--tables", "payments", "--tables", "members")

    text = connected("status")
    assert text.code == 0
    for part in ("members", "payments", "failed", "never", "Last runs", "2026-"):
        assert part in text.out, part

    found = json.loads(connected("status", "--json").out)
    assert found["age_hours"] is None
    tables = {table["table"]: table for table in found["tables"]}
    assert tables["members"]["status"] == "ok"
    assert tables["members"]["mode"] == "incremental"
    assert 0 <= tables["members"]["age_hours"] < 0.1
    assert tables["payments"]["error"]
    assert [run["tables_not_read"] for run in found["runs"]] == [1, 0]
    assert [run["new"] for run in found["runs"]] == [0, 60]

    never = connected("status", "--max-age-hours", "1")
    assert never.code == 2
    assert "never read" in never.err

    server.faults.clear()
    connected("sync", "--tables", "payments")
    assert connected("status", "--max-age-hours", "1").code == 0
    with duckdb.connect(str(connected.folder / "whop.duckdb")) as held:
        held.sql(
            f"update {DATASET}.sync_runs set started_at = started_at - interval 30 hour "
            "where table_name = 'members'"
        )
    assert connected("status", "--max-age-hours", "31").code == 0
    old = connected("status", "--max-age-hours", "26")
    assert old.code == 2
    assert "30.0 hours old, over the limit of 26" in old.err


@pytest.mark.parametrize("command", ["status", "report"])
def test_what_reads_an_empty_warehouse_says_what_to_do_first(shell: Shell, command: str) -> None:
    result = shell(command)
    assert result.code == 2
    assert "whop-elt" in result.err


def test_report_before_the_models_are_built_says_what_to_do_first(connected: Shell) -> None:
    connected("sync", "--tables", "members")
    result = connected("report")
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert "`whop-elt transform` builds them" in line
    assert list(connected.folder.glob("*.html")) == []


# The whole line, and the key


def test_a_run_models_what_was_loaded_and_ends_with_the_code_of_the_sync(
    connected: Shell, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo's tests run dbt itself."""
    modelled: list[str] = []

    def build(destination: Destination, **_: object) -> int:
        modelled.append(destination.name)
        return 0

    reported: list[Path] = []
    monkeypatch.setattr("whop_elt.run.transform", build)
    monkeypatch.setattr("whop_elt.run.report_to", lambda _, page: reported.append(page))
    server.faults.add("GET /apps", Fault("status", status=403))
    partly = connected("run", "--quiet", "--tables", "apps", "--tables", "members")
    assert (partly.code, modelled, reported) == (3, ["duckdb"], [Path("whop-report.html")])
    assert "apps: forbidden" in partly.err
    assert "members" not in partly.said

    nothing = connected("run", "--quiet", "--tables", "apps")
    assert (nothing.code, modelled) == (2, ["duckdb"]), "there was nothing new to model"
    assert len(reported) == 1, "nor to report"

    for option, environment in (
        (["--report", "there.html"], {}),
        ([], {"WHOP_ELT_REPORT": "there.html"}),
    ):
        connected("run", "--quiet", "--tables", "members", *option, **environment)
        assert reported.pop() == Path("there.html")


def test_a_data_test_that_fails_ends_with_5_and_a_model_that_fails_with_2(
    connected: Shell,
) -> None:
    connected("sync", "--quiet", "--tables", "apps")
    assert connected("transform", "--select", "stg_whop__apps").code == 0

    with duckdb.connect(str(connected.folder / "whop.duckdb")) as connection:
        apps = f"{DATASET}.apps"
        connection.execute(f"alter table {apps} alter column id drop not null")
        broken = f"select * replace (null as id) from {apps} limit 1"
        connection.execute(f"insert into {apps} {broken}")
    for command in (["transform", "--select", "stg_whop__apps"], ["run", "--tables", "apps"]):
        failed = connected(*command, "--quiet")
        assert failed.code == 5, failed.said
        (line,) = failed.err.strip().splitlines()
        assert "key_stg_whop__apps_app_id" in line

    with duckdb.connect(str(connected.folder / "whop.duckdb")) as connection:
        connection.execute(f"drop schema {DATASET.replace('raw', 'staging')} cascade")
        connection.execute(f"alter table {apps} drop column name")
    failed = connected("transform", "--quiet", "--select", "stg_whop__apps")
    assert failed.code == 2, failed.said
    assert "stg_whop__apps" in failed.err
    assert "name" in failed.err


def test_the_key_is_nowhere(connected: Shell, server: Server) -> None:
    server.faults.add("GET /members", Fault("status", status=403))
    for arguments in (["check"], ["sync"], ["sync", "--log-format", "json"], ["status", "--json"]):
        connected(*arguments)
    token = server.businesses[0].row("apps", server.businesses[0].rows("apps")[0]["id"])
    secrets = (server.api_key, token["api_key"]["token"])
    kept = [path for path in connected.folder.rglob("*") if path.is_file()]
    assert connected.folder / "whop.duckdb" in kept
    for secret in secrets:
        assert secret not in connected.everything_said
        for path in kept:
            assert secret.encode() not in path.read_bytes(), path


def test_on_a_terminal_bars_count_rows_and_models_but_not_the_load(
    connected: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, width=120)
    monkeypatch.setattr(cli, "console", terminal)
    monkeypatch.setattr(terminal, "_width", 120)
    assert connected("sync", "--tables", "members").code == 0
    assert isinstance(terminal.file, io.StringIO)
    lines = re.sub(r"\x1b\[[\d;?]*\w", "", terminal.file.getvalue()).splitlines()
    assert any("read members" in line and " 60 " in line for line in lines)
    loads = [line for line in lines if "load into the warehouse" in line]
    assert loads
    assert not any(re.search(r"\d\s+\d:\d\d:\d\d", line) for line in loads)


# As a process of its own


def test_a_process_ends_with_the_code_and_one_line(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if "__" not in name}
    ended = subprocess.run(
        [sys.executable, "-m", "whop_elt.cli", "sync"],
        cwd=tmp_path,
        env={
            **environment,
            "SOURCES__WHOP__API_KEY": "key-of-the-test",
            "SOURCES__WHOP__BASE_URL": "x",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "Traceback" not in ended.stderr
    assert "SOURCES__WHOP__BASE_URL" in ended.stderr
    assert "key-of-the-test" not in ended.stdout + ended.stderr
