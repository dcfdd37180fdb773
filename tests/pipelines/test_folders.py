"""Where a run works: whose folder it is, what is in it, what is made there, who may read it."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest
from rich.console import Console
from somebody_else import open_to_others
from test_cli import Shell, business

from whop_elt import ask, process
from whop_elt.analyses import analysis
from whop_elt.destination import DATASET, open_destination
from whop_elt.reading import open_to_read
from whop_elt.summary import _row_counts, _show_tables
from whop_elt.whole_file import write_whole
from whop_simulator import Business, Server, serve

ROOT = Path(__file__).resolve().parents[2]


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


def one_line(text: str) -> str:
    (line,) = text.strip().splitlines()
    return line


# Folders that cannot be written to


@pytest.mark.parametrize("trouble", ["the lock is a folder", "the folder is a file"])
@pytest.mark.parametrize("command", ["sync", "run", "transform"])
def test_a_folder_that_is_in_the_way_is_one_line(
    connected: Shell, command: str, trouble: str
) -> None:
    work = connected.folder / ".whop-elt"
    if trouble == "the lock is a folder":
        (work / "lock").mkdir(parents=True)
    else:
        work.write_text("")
    result = connected(command)
    assert result.code == 1, result.said
    line = one_line(result.err)
    assert str(Path(".whop-elt")) in line
    assert "a folder that is yours" in line


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("owned", ["the folder", "the lock", "dlt's files"])
def test_what_belongs_to_somebody_else_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owned: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """As another user: in a child of this process, since what is installed may be root's alone."""
    work = tmp_path / "work"
    work.mkdir()
    nobody = 65534
    open_to_others(tmp_path)
    if owned != "the folder":
        os.chown(work, nobody, nobody)
        (work / ".whop-elt").mkdir()
        os.chown(work / ".whop-elt", nobody, nobody)
    if owned == "the lock":
        (work / ".whop-elt" / "lock").touch(0o600)
    if owned == "dlt's files":
        (work / ".whop-elt" / "dlt").mkdir(0o700)
    import whop_elt.alerts
    import whop_elt.cli
    import whop_elt.run

    child = os.fork()
    if child == 0:
        code = 99
        try:
            os.chdir(work)
            os.setgid(nobody)
            os.setuid(nobody)
            os.environ["SOURCES__WHOP__API_KEY"] = "none"
            sys.argv = ["whop-elt", "sync"]
            whop_elt.cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        finally:
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    said = capfd.readouterr().err
    assert os.waitstatus_to_exitcode(status) == 1, said
    assert "Permission denied" in one_line(said)
    assert "a folder that is yours" in said


# What is made, and who may read it


@pytest.mark.parametrize(
    "command", [["status"], ["check"], ["grant-reader", "metabase"], ["status", "--json"]]
)
def test_commands_that_only_look_make_no_files(connected: Shell, command: list[str]) -> None:
    result = connected(*command)
    assert list(connected.folder.iterdir()) == []
    if command[0] == "status":
        assert result.code == 2
        assert "whop-elt run" in one_line(result.err)


def test_what_a_run_makes_is_its_owner_s_alone(connected: Shell) -> None:
    before = os.umask(0o022)
    try:
        assert connected("sync", "--tables", "members").code == 0
        assert connected("transform", "--select", "stg_whop__members").code == 0
        assert process.usual_mask() == 0o022, "the process has its own mask again"
    finally:
        os.umask(before)
    made = list(connected.folder.rglob("*"))
    names = {path.name for path in made}
    assert {"whop.duckdb", "whop.duckdb.lock", "lock", "dbt.log"} <= names
    for path in made:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path

    # The first release made it as the umask had it.
    warehouse = connected.folder / "whop.duckdb"
    told = f"chmod 600 {warehouse}"
    assert told not in connected("check").out
    warehouse.chmod(0o644)
    assert told in connected("check").out


def test_the_unit_makes_files_that_are_its_user_s_alone() -> None:
    unit = ConfigParser(interpolation=None)
    unit.read_string((ROOT / "deploy" / "whop-elt.service").read_text(encoding="utf-8"))
    assert unit["Service"]["UMask"] == "0077"


# What is in it already


def test_a_real_business_is_kept_out_of_the_demo_s_folder(connected: Shell) -> None:
    with serve(Business.empty()) as demo:
        connected.point_at(demo)
        assert connected("sync", "--tables", "companies").code == 0
    del connected.environment["SOURCES__WHOP__BASE_URL"]
    for command in ("sync", "run"):
        result = connected(command, SOURCES__WHOP__COMPANY_ID="biz_real")
        assert result.code == 1
        line = one_line(result.err)
        assert "invented business" in line
        assert "whop.duckdb" in line


def test_transform_in_an_empty_folder_says_what_comes_first(shell: Shell) -> None:
    result = shell("transform")
    assert result.code == 2
    assert "`whop-elt sync` comes first" in one_line(result.err)


# Tables of one's own, and how rows are counted


NAMES = ["My Table", "it's", 'a "quoted" one', "50%", "orders"]


def test_a_table_of_one_s_own_in_the_raw_schema_is_counted_like_any_other(
    connected: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected("sync", "--tables", "apps")
    with duckdb.connect(str(connected.folder / "whop.duckdb")) as held:
        for name in NAMES:
            quoted = name.replace('"', '""')
            held.sql(f'create table {DATASET}."{quoted}" as select 1 as x')
    monkeypatch.chdir(connected.folder)
    counts = _row_counts(open_destination("duckdb"), [*NAMES, "apps"])
    assert counts == dict.fromkeys(NAMES, "1") | {"apps": "4"}


def test_postgres_estimates_a_long_table_and_counts_a_short_one(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg2.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute(f"create schema {DATASET}")
        for name in NAMES:
            quoted = name.replace('"', '""').replace("%", "%%")
            cursor.execute(f'create table {DATASET}."{quoted}" as select %s as x', (1,))
        cursor.execute(f"create table {DATASET}.long as select generate_series(1, 5000) as x")
    with psycopg2.connect(postgres_url) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("analyze")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", postgres_url)
    monkeypatch.setattr("whop_elt.summary.COUNTED_ROWS", 5000)
    destination = open_destination("postgres")
    asked: list[str] = []
    query = type(destination).query

    def noted(self: Any, sql: str, *values: Any) -> Any:
        asked.append(sql)
        return query(self, sql, *values)

    monkeypatch.setattr(type(destination), "query", noted)
    counts = _row_counts(destination, [*NAMES, "long"])
    assert counts == dict.fromkeys(NAMES, "1") | {"long": "about 5,000"}
    assert not any('"long"' in sql for sql in asked), "it is not read"


# Names and addresses


@pytest.mark.parametrize(
    "name",
    [
        "whop_raw.duckdb",
        "Main.duckdb",
        "temp.duckdb",
        "bob's.duckdb",
        "whop_marts.db",
        'a"b.duckdb',
    ],
)
def test_a_file_with_a_name_of_sql_is_refused_by_name(connected: Shell, name: str) -> None:
    for command in ("sync", "check", "run"):
        result = connected(command, DESTINATION__DUCKDB__CREDENTIALS=name)
        assert result.code == 1
        (line,) = [line for line in result.said.splitlines() if name in line]
        assert "DESTINATION__DUCKDB__CREDENTIALS" in line
    assert not (connected.folder / name).exists()


def test_a_folder_with_an_apostrophe_is_worked_in(connected: Shell) -> None:
    connected.folder = connected.folder / "o'neil & sons"
    connected.folder.mkdir()
    assert connected("sync", "--tables", "apps", "--tables", "members").code == 0
    assert connected("transform", "--select", "stg_whop__apps").code == 0


def as_a_newer_duckdb_writes(file: bytes) -> bytes:
    """The file with a greater version in its header, and the header's checksum mended."""

    def words(header: bytes) -> int:
        found = 0
        for at in (8, 16):
            word = int.from_bytes(header[at : at + 8], "little")
            found ^= word * 0xBF58476D1CE4E5B9 & 0xFFFF_FFFF_FFFF_FFFF
        return found

    newer = bytearray(file)
    assert newer[8:12] == b"DUCK"
    newer[12:20] = (int.from_bytes(file[12:20], "little") + 40).to_bytes(8, "little")
    checksum = int.from_bytes(file[:8], "little") ^ words(file[:24]) ^ words(bytes(newer[:24]))
    newer[:8] = checksum.to_bytes(8, "little")
    return bytes(newer)


def test_a_file_of_a_newer_duckdb_is_told_what_helps(connected: Shell) -> None:
    assert connected("sync", "--tables", "apps").code == 0
    path = connected.folder / "whop.duckdb"
    path.write_bytes(as_a_newer_duckdb_writes(path.read_bytes()))
    result = connected("sync", "--tables", "apps")
    assert result.code == 2
    line = one_line(result.err)
    assert "pip install --upgrade duckdb" in line
    assert "disk" not in line


def test_a_sync_without_network_is_not_silent(
    connected: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whop_elt.progress.SECONDS", 0.05)
    more = {"SOURCES__WHOP__BASE_URL": "http://127.0.0.1:9/api/v1"}
    more |= {"SOURCES__WHOP__BACKOFF_SECONDS": "0.3", "SOURCES__WHOP__MAX_ATTEMPTS": "3"}
    said = connected("sync", "--tables", "apps", **more)
    assert said.code == 2
    assert "waiting for Whop" in said.err
    assert "waiting" not in connected("sync", "--tables", "apps", "--quiet", **more).err
    shown = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr("whop_elt.cli.console", shown)
    connected("sync", "--tables", "apps", **more)
    assert isinstance(shown.file, io.StringIO)
    assert "ask Whop" in shown.file.getvalue()


def test_the_version_is_that_of_the_package(shell: Shell) -> None:
    result = shell("--version")
    assert result.code == 0
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            "from setuptools.config.pyprojecttoml import read_configuration as read\n"
            "print(read('pyproject.toml')['project']['version'])",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.out == f"whop-elt {ended.stdout.splitlines()[-1]}\n"


def test_a_run_of_one_company_reads_it_with_its_own_cursors_and_models_all(
    connected: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    modelled: list[str | None] = []

    def build(destination: Any, **_: object) -> int:
        modelled.append(destination.company_id)
        return 0

    monkeypatch.setattr("whop_elt.run.transform", build)
    monkeypatch.setattr("whop_elt.run.report_to", lambda *_: None)
    company = connected.environment["SOURCES__WHOP__COMPANY_ID"]
    arguments = ("--tables", "members", "--quiet", "--company", f" {company}")
    assert connected("run", *arguments).code == 0
    assert connected("sync", *arguments).code == 0
    assert modelled == [None]
    with duckdb.connect(str(connected.folder / "whop.duckdb")) as held:
        runs = held.sql(f"select mode from {DATASET}.sync_runs order by started_at").fetchall()
    assert runs == [("full",), ("incremental",)]
    nobody = connected("run", *arguments[:-1], "biz_nobody")
    assert nobody.code == 1
    assert "biz_nobody" in nobody.err


def test_a_table_without_rows_is_named_in_one_line_and_one_request_is_one(
    connected: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = connected("sync", "--tables", "apps", "--tables", "companies")
    assert "(1 request)" in result.err
    assert "1 requests" not in result.err
    monkeypatch.chdir(connected.folder)
    shown = Console(file=io.StringIO(), width=150)
    _show_tables(open_destination("duckdb"), shown, None)
    assert isinstance(shown.file, io.StringIO)
    lines = shown.file.getvalue().splitlines()
    assert not [line for line in lines if line.split()[-1:] == ["0"]]
    empty = " ".join(lines).partition("Without rows: ")[2]
    assert "payments" in empty
    assert "apps" not in empty


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_stops_no_command(tmp_path: Path, closed: str) -> None:
    program = f"{sys.executable} -m whop_elt.cli status {closed}"
    ended = subprocess.run(
        ["bash", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "Traceback" not in ended.stdout + ended.stderr
    if "2>&-" not in closed:
        assert "whop-elt run" in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without a full device")
@pytest.mark.parametrize("command", [["--version"], ["--help"], ["ask"], ["action", "list"]])
def test_output_that_has_no_room_is_one_line(tmp_path: Path, command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "whop_elt.cli", *command],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 2
    assert "No space left" in one_line(ended.stderr)
    assert "Make room" in ended.stderr


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_line(connected: Shell, number: int) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), "/srv/whop/x")

    connected.monkeypatch.setattr(os, "mkdir", full)
    result = connected("sync")
    assert result.code == 2
    assert "/srv/whop/x cannot be written" in one_line(result.err)
    assert "Make room" in result.err


# Files that are handed on


def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a folder that is new" / "october.csv"
    write_whole(file, b"before")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    monkeypatch.setattr(os, "replace", _no_room)
    monkeypatch.setattr(Path, "replace", _no_room)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, b"after")
    assert file.read_bytes() == b"before"
    assert [*file.parent.iterdir()] == [file]


def _no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_link_to_a_file_stays_a_link(tmp_path: Path) -> None:
    link, file = tmp_path / "report.html", tmp_path / "on the web.html"
    link.symlink_to(file)
    for content in (b"first", b"second"):
        write_whole(link, content)
        assert link.is_symlink()
        assert file.read_bytes() == content


def test_what_is_no_file_is_written_to_and_stays_what_it_is(tmp_path: Path) -> None:
    """As /dev/null: another file in its place took it from everything else on the machine."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_whole(pipe, b"a report")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    reader.join(10)
    assert got == [b"a report"]


def test_an_answer_that_cannot_be_written_names_the_option(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = analysis("why-members-leave")
    answer = ask.Asked(question, ["company_id"], [("biz_a",)], [])
    monkeypatch.setattr(ask, "ask", lambda *_, **__: answer)
    refused = shell("ask", "why-members-leave", "--csv", "--output", str(shell.folder))
    assert refused.code == 1
    assert "Name another file with --output" in one_line(refused.err)
    new = shell.folder / "new" / "x.csv"
    assert shell("ask", "why-members-leave", "--csv", "--output", str(new)).code == 0
    assert new.read_text() == "company_id\nbiz_a\n"


# What a killed run leaves


def test_a_run_takes_away_what_a_killed_one_left_and_nothing_that_is_in_use(
    connected: Shell,
) -> None:
    work = connected.folder / ".whop-elt" / "dlt"
    killed, used = work / "whop-elt-killed", work / "whop-elt-used"
    for folder, seconds in ((killed, 60), (used, 3 * 86_400)):
        folder.mkdir(parents=True)
        (folder / "members.arrow").write_text("names and e-mails")
        os.utime(folder, (time.time() - seconds,) * 2)
    program = (
        "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_SH); "
        "print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(used)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert connected("sync", "--tables", "companies").code == 0
        assert not killed.exists()
        assert (used / "members.arrow").exists()
        holder.communicate(b"\n")


def test_a_folder_of_a_run_is_held_while_the_run_is_under_way(connected: Shell) -> None:
    with connected.monkeypatch.context() as patch:
        patch.chdir(connected.folder)
        folder = Path(open_destination("duckdb").pipeline.pipelines_dir)
    with pytest.raises(BlockingIOError):
        fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_who_looks_keeps_the_file_between_two_questions(connected: Shell) -> None:
    """A run that took it in between made the second question a traceback."""
    assert connected("sync", "--tables", "companies").code == 0
    take = "import duckdb, sys; duckdb.connect(sys.argv[1])"
    with connected.monkeypatch.context() as patch:
        patch.chdir(connected.folder)
        with open_to_read("duckdb") as warehouse:
            taken = subprocess.run(
                [sys.executable, "-c", take, "whop.duckdb"], capture_output=True, check=False
            )
            assert b"Could not set lock" in taken.stderr
            assert warehouse.query(f"select count(*) from {DATASET}.companies")[1] == [(1,)]
        subprocess.run([sys.executable, "-c", take, "whop.duckdb"], check=True)


@pytest.mark.parametrize("odd", ["a #1 shop", "why?", "a;b"])
def test_a_folder_that_dbt_cannot_work_in_is_told_before_anything_is_loaded(
    connected: Shell, odd: str
) -> None:
    connected.folder = connected.folder / odd
    connected.folder.mkdir()
    for command in ("check", "run"):
        result = connected(command)
        assert result.code == 1
        assert "DESTINATION__DUCKDB__CREDENTIALS" in result.said
    assert not (connected.folder / "whop.duckdb").exists()


def test_a_folder_with_blanks_quotes_and_letters_of_any_kind_is_a_folder(connected: Shell) -> None:
    connected.folder = connected.folder / "Döner & 'so' \"weiter\" 100%20 店"
    connected.folder.mkdir()
    assert connected("sync", "--tables", "members").code == 0
    assert connected("transform", "--select", "stg_whop__members").code == 0
