"""Reading beside a run, a notebook or a BI tool: the copy for readers, and what only reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg2
import pytest
from conftest import new_business
from loading import Engine, Line
from warehouse import DBT_PROJECT, Warehouse

from whop_elt.destination import MARTS, open_destination
from whop_elt.errors import ExitCode, NoColumn, NothingThere, PipelineError, SettingError
from whop_elt.lock import build_lock
from whop_elt.marts_copy import copy_path, write_copy
from whop_elt.reading import open_reader
from whop_elt.run import report_to
from whop_elt.transform import transform
from whop_simulator import ALL_PERMISSIONS, Server, serve

if TYPE_CHECKING:
    from conftest import NewWarehouse

ALL_MARTS = sorted(path.stem for path in (DBT_PROJECT / "models/marts").glob("*.sql"))
on_duckdb = pytest.mark.parametrize("engine", ["duckdb"], indirect=True)
on_postgres = pytest.mark.parametrize("engine", ["postgres"], indirect=True)

HOLD = (
    "import duckdb, sys; c = duckdb.connect(sys.argv[1]); c.execute('create table if not exists "
    "of_the_notebook (a int)'); print('held', flush=True); input()"
)


@pytest.fixture
def line(
    built: Line, server: Server, new_location: NewWarehouse, engine: Engine, tmp_path: Path
) -> Line:
    """A copy of the warehouse with the marts and, on DuckDB, with the copy for readers."""
    location = new_location(engine, built.warehouse.location)
    line = Line(Warehouse(engine, location, work=tmp_path), server, tmp_path)
    with line.at_work():
        write_copy(open_destination(engine))
    return line


@contextmanager
def open_in_a_notebook(path: str) -> Iterator[None]:
    """Another process has the file open, to write to it."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        yield
    finally:
        holder.communicate("\n", timeout=20)


def command(line: Line, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """What `whop-elt` says in the line's folder."""
    environment = {name: value for name, value in os.environ.items() if "__" not in name}
    engine = line.warehouse.engine
    environment |= {
        "WHOP_ELT_DESTINATION": engine,
        f"DESTINATION__{engine.upper()}__CREDENTIALS": line.warehouse.location,
        "SOURCES__WHOP__API_KEY": line.server.api_key,
        "SOURCES__WHOP__BASE_URL": line.server.base_url,
        "SOURCES__WHOP__COMPANY_ID": line.business.company_id,
    }
    return subprocess.run(
        [sys.executable, "-m", "whop_elt.cli", *arguments],
        cwd=line.folder,
        env=environment | settings,
        capture_output=True,
        text=True,
        check=False,
    )


DUCKDB_HEADER, DUCKDB_BLOCK = 3 * 4096, 256 * 1024
"""Bytes of a DuckDB file's headers, and of each block after them."""


def the_copy(line: Line) -> Path:
    return copy_path(Path(line.warehouse.location))


def copied(line: Line, mart: str) -> list[str]:
    """Rows of a mart in the copy, as text."""
    return _texts(the_copy(line), mart)


def held(line: Line, mart: str) -> list[str]:
    return _texts(Path(line.warehouse.location), mart)


def _texts(path: Path, mart: str) -> list[str]:
    with duckdb.connect(path, read_only=True) as database:
        rows = database.sql(f"select * from {MARTS}.{mart}").fetchall()
    return sorted(map(str, rows))


# ------------------------------------------------------------------------------ the copy


@on_duckdb
def test_the_copy_has_the_marts_their_comments_and_nothing_else(line: Line) -> None:
    with duckdb.connect(the_copy(line), read_only=True) as copy:
        found = copy.sql(
            "select schema_name, table_name, comment from duckdb_tables() where not internal"
        ).fetchall()
        views = copy.sql("select count(*) from duckdb_views() where not internal").fetchall()
        columns = copy.sql(
            "select table_name, list(column_name), count(comment) from duckdb_columns() "
            "where not internal group by table_name"
        ).fetchall()
    assert {schema for schema, _, _ in found} == {MARTS}
    assert sorted(name for _, name, _ in found) == ALL_MARTS
    assert all(comment for _, _, comment in found)
    assert views == [(0,)]
    for mart, names, commented in columns:
        assert commented == len(names), mart
        assert copied(line, mart) == held(line, mart), mart


@on_duckdb
def test_a_build_leaves_nothing_open_that_the_next_would_find_as_others_set_it(line: Line) -> None:
    """A load has little memory; a build after one in the same process has what there is."""

    def memory() -> object:
        with duckdb.connect(line.warehouse.location) as connection:
            return connection.execute("select current_setting('memory_limit')").fetchone()

    there_is = memory()
    with line.at_work():
        transform(open_destination("duckdb"), "dim_promo_codes")
    assert memory() == there_is


@on_duckdb
def test_a_later_copy_is_given_the_rows_that_differ(line: Line) -> None:
    """Changed, gone and new ones, and one that is there twice; and as a whole where it must be."""
    the_marts = [f"{MARTS}.{name}" for name in ("fct_payments", "mrr_daily", "dim_members")]
    payments, daily, members = the_marts
    for statements in (
        (
            f"update {payments} set total = total + 1 where payment_id in "
            f"(select min(payment_id) from {payments})",
            f"delete from {daily} where date = (select max(date) from {daily})",
            f"insert into {daily} select * from {daily} order by date limit 1",
            f"insert into {members} select * replace ('new' as member_id) from {members} limit 1",
        ),
        (f"alter table {members} drop column first_paid_date",),
        (),
    ):
        line.warehouse.execute(*statements)
        if not statements:
            the_copy(line).write_text("no copy any more")
        with line.at_work():
            write_copy(open_destination("duckdb"))
        for mart in ALL_MARTS:
            assert copied(line, mart) == held(line, mart), mart


def lost_rows_alone(path: Path) -> bool:
    """Whether a file says what it holds, and cannot give it."""
    try:
        with duckdb.connect(str(path), read_only=True) as copy:
            copy.sql("from duckdb_columns()").fetchall()
            try:
                for mart in ALL_MARTS:
                    copy.sql(f"select count(columns(*)) from {MARTS}.{mart}").fetchall()
            except duckdb.Error:
                return True
    except duckdb.Error:
        pass
    return False


@on_duckdb
def test_a_copy_that_is_damaged_inside_is_made_anew(line: Line) -> None:
    with line.at_work():
        write_copy(open_destination("duckdb"))
    whole = the_copy(line).read_bytes()
    for start in range(DUCKDB_HEADER, len(whole), DUCKDB_BLOCK):
        end = start + DUCKDB_BLOCK
        the_copy(line).write_bytes(whole[:start] + bytes(DUCKDB_BLOCK) + whole[end:])
        if lost_rows_alone(the_copy(line)):
            break
    else:
        pytest.fail("no block holds rows alone")
    with line.at_work():
        write_copy(open_destination("duckdb"))
    for mart in ALL_MARTS:
        assert copied(line, mart) == held(line, mart), mart


@on_duckdb
def test_no_name_and_no_address_is_in_the_copy_s_file(line: Line) -> None:
    """Nor in what of it is not used any more."""
    members = line.rows("members").values()
    values = {row["user__email"] for row in members if row["user__email"]}
    assert len(values) > 50
    found = the_copy(line).read_bytes()
    assert [value for value in values if value.encode() in found] == []
    whole = Path(line.warehouse.location).read_bytes()
    assert any(value.encode() in whole for value in values), "they would be seen"


@on_duckdb
def test_marts_of_a_release_with_names_in_them_are_not_copied(line: Line) -> None:
    line.warehouse.execute("drop schema whop_personal cascade")
    the_copy(line).unlink()
    with line.at_work():
        assert write_copy(open_destination("duckdb")) is None
    assert not the_copy(line).exists()


@on_duckdb
def test_the_copy_is_of_a_format_that_every_duckdb_1_reads(line: Line) -> None:
    """The number of the format is in the file's header; DuckDB 1.0 reads 64."""
    formats = [
        int.from_bytes(Path(path).read_bytes()[12:20], "little")
        for path in (the_copy(line), line.warehouse.location)
    ]
    assert formats[0] == 64
    assert formats[1] > 64


@pytest.mark.parametrize("mask", [0, 0o077])
@on_duckdb
def test_the_copy_is_replaced_in_one_step_and_is_for_its_group_alone(line: Line, mask: int) -> None:
    copy = the_copy(line)
    inode = copy.stat().st_ino
    left = copy.with_name(f".{copy.name}.new")
    left.write_text("what a run that was killed has left")
    before = os.umask(mask)
    try:
        with duckdb.connect(copy, read_only=True) as tool:
            with line.at_work():
                write_copy(open_destination("duckdb"))
            assert tool.sql(f"select count(*) > 0 from {MARTS}.mrr_daily").fetchall() == [(True,)]
    finally:
        os.umask(before)
    assert copy.stat().st_mode & 0o777 == 0o640
    assert copy.stat().st_ino != inode
    assert sorted(path.name for path in copy.parent.iterdir() if "marts" in path.name) == [
        copy.name
    ]


@on_duckdb
def test_a_copy_that_cannot_be_written_is_told_and_the_one_before_stays(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = the_copy(line).read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with line.at_work(), pytest.raises(PipelineError, match="No space left on device") as ended:
        write_copy(open_destination("duckdb"))
    assert "whop-marts.duckdb" in str(ended.value)
    assert the_copy(line).read_bytes() == before


@on_duckdb
def test_every_run_leaves_a_copy_whatever_its_code(line: Line) -> None:
    line.server.advance(timedelta(days=2))
    left = ALL_PERMISSIONS - {"member:payment_methods:read"}
    with serve(line.business, permissions=left) as server:
        ran = command(Line(line.warehouse, server, line.folder), "run", "--quiet")
    assert ran.returncode == ExitCode.PARTLY, ran.stderr
    for mart in ALL_MARTS:
        assert copied(line, mart) == held(line, mart), mart
    the_copy(line).unlink()
    ran = command(line, "run", "--quiet", SOURCES__WHOP__API_KEY="no_such_key")
    assert ran.returncode == ExitCode.SETTING, ran.stderr
    assert copied(line, "mrr_daily") == held(line, "mrr_daily")


@on_duckdb
def test_a_test_of_the_models_that_fails_keeps_no_reader_from_what_they_say(line: Line) -> None:
    line.warehouse.execute("update whop_raw.members set company_id = 'biz_none'")
    ran = command(line, "transform", "--quiet", "--select", "+dim_members")
    assert ran.returncode == ExitCode.DATA_TEST_FAILED, ran.stderr
    assert copied(line, "dim_members") == held(line, "dim_members")
    assert any("biz_none" in row for row in copied(line, "dim_members"))


@on_duckdb
def test_a_build_that_broke_off_leaves_the_copy_of_the_one_before(line: Line) -> None:
    before = the_copy(line).read_bytes()
    line.warehouse.execute("alter table whop_raw.payments drop column paid_at")
    ran = command(line, "transform", "--quiet")
    assert ran.returncode == ExitCode.FAILED
    assert the_copy(line).read_bytes() == before


# ------------------------------------------------------------------------- what only reads


@on_duckdb
def test_status_and_report_read_while_a_notebook_has_the_file(line: Line) -> None:
    free = json.loads(command(line, "status", "--json").stdout)
    with open_in_a_notebook(line.warehouse.location):
        status = command(line, "status")
        busy = json.loads(command(line, "status", "--json", "--max-age-hours", "1e6").stdout)
        report = command(line, "report")
    for said in (status, report):
        assert said.returncode == 0, said.stderr
        assert "this is its copy for readers, as of 20" in said.stdout
    assert free["copied_at"] is None
    assert busy["copied_at"]
    for name in ("company_id", "table", "status", "good_at"):
        assert [row[name] for row in busy["tables"]] == [row[name] for row in free["tables"]]
    assert round(busy["age_hours"] - free["age_hours"], 1) == 0
    assert "What came in" in report.stdout or "Net revenue" in report.stdout
    assert (line.folder / "whop-report.html").stat().st_size > 10_000


@on_duckdb
def test_they_read_beside_one_another_and_write_nothing(line: Line) -> None:
    before = {path.name for path in line.folder.iterdir()}
    content = Path(line.warehouse.location).read_bytes()
    with line.at_work(), open_reader("duckdb") as reader:
        assert reader.copied_at is None
        assert command(line, "status").returncode == 0
        assert command(line, "report", "--quiet").returncode == 0
    assert {path.name for path in line.folder.iterdir()} - before == {"whop-report.html"}
    assert Path(line.warehouse.location).read_bytes() == content


def test_report_and_status_wait_for_no_run(line: Line, engine: Engine) -> None:
    from whop_elt.run import locked_destination

    with line.at_work(), locked_destination(engine):
        assert command(line, "status").returncode == 0
        ran = command(line, "report", "--quiet")
        assert ran.returncode == 0, ran.stderr


@on_duckdb
def test_a_run_waits_a_moment_for_who_reads_the_file(line: Line) -> None:
    read = (
        "import duckdb, sys, time; c = duckdb.connect(sys.argv[1], read_only=True); "
        "print('held', flush=True); time.sleep(6)"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", read, line.warehouse.location], stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout
    assert reader.stdout.readline() == "held\n"
    ran = command(line, "sync", "--tables", "apps", "--quiet")
    assert ran.returncode == 0, ran.stderr
    assert reader.wait() == 0


@pytest.mark.parametrize("name", ["status", "report"])
@on_duckdb
def test_they_make_nothing_where_there_is_nothing(
    engine: Engine, name: str, tmp_path: Path
) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "whop_elt.cli", name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == ExitCode.FAILED
    assert "There is no" in ran.stderr
    assert "whop.duckdb" in ran.stderr
    assert "`whop-elt run`" in ran.stderr
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------ the reader


def test_a_reader_answers_as_a_run_s_own_connection_does(line: Line, engine: Engine) -> None:
    asked = f"select * from {MARTS}.fct_payments where currency = %s order by payment_id"
    with line.at_work():
        whole = open_destination(engine).query(asked, "usd")
        with open_reader(engine) as reader:
            assert reader.query(asked, "usd") == whole
            names, rows = reader.query(asked, "usd", limit=3)
            assert (names, rows) == (whole[0], whole[1][:3])
            assert reader.query("select '100 %' as a, ';' as b, '$do$' as c")[1] == [
                ("100 %", ";", "$do$")
            ]


@pytest.mark.parametrize(
    "sql",
    [
        f"delete from {MARTS}.mrr_daily",
        f"update {MARTS}.mrr_daily set mrr_usd = 0",
        f"create table {MARTS}.mine as select 1 as a",
        f"drop table {MARTS}.mrr_daily",
        "select 1 as a; select 2 as b",
        f"select 1 as a; commit; drop table {MARTS}.mrr_daily",
        f"commit; drop table {MARTS}.mrr_daily",
        f"$do$; drop table {MARTS}.mrr_daily; $do$",
        f"'; drop table {MARTS}.mrr_daily; --",
        "set timezone = 'Asia/Tokyo'",
        "begin",
        "",
    ],
)
def test_a_reader_runs_one_select_and_nothing_else(line: Line, engine: Engine, sql: str) -> None:
    before = line.warehouse.read("mrr_daily")
    with line.at_work(), open_reader(engine) as reader:
        with pytest.raises(PipelineError) as refused:
            reader.query(sql)
        assert "\n" not in str(refused.value)
        assert reader.query("select 1 as a")[1] == [(1,)], "it goes on"
    assert line.warehouse.read("mrr_daily") == before


@on_duckdb
@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select * from read_text('/etc/passwd')",
        "select * from glob('/*')",
        "copy (select 1) to '/tmp/out.csv'",
        "attach 'whop.duckdb' as other",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "select * from read_parquet('https://127.0.0.1:9/a.parquet')",
        "select * from whop_raw.payments",
    ],
)
def test_a_reader_of_the_marts_alone_reaches_nothing_else(line: Line, sql: str) -> None:
    with line.at_work(), open_reader("duckdb", marts_alone=True) as reader:
        assert reader.copied_at
        assert reader.query(f"select count(*) from {MARTS}.mrr_daily")[1][0][0] > 0
        with pytest.raises(PipelineError):
            reader.query(sql)


def test_a_query_that_takes_too_long_is_ended(line: Line, engine: Engine) -> None:
    endless = "select count(*) from range(1000000) a, range(1000000) b"
    if engine == "postgres":
        endless = (
            "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b"
        )
    begun = time.monotonic()
    with line.at_work(), open_reader(engine, seconds=0.5) as reader:
        if engine == "postgres":
            reader.query("select set_config('statement_timeout', '0', false)")
        with pytest.raises(PipelineError, match=r"longer than 0\.5 seconds"):
            reader.query(endless)
        assert reader.query("select 1 as a")[1] == [(1,)]
    assert time.monotonic() - begun < 20


def test_what_is_not_there_is_named(line: Line, engine: Engine) -> None:
    with line.at_work(), open_reader(engine) as reader:
        with pytest.raises(NothingThere, match="no_such_mart"):
            reader.query("select * from whop_marts.no_such_mart")
        with pytest.raises(NoColumn, match="no_such_column"):
            reader.query("select no_such_column from whop_marts.dim_companies")
        assert reader.query("select 1 as a")[1] == [(1,)]


@pytest.mark.parametrize("name", ["mssql", "spark"])
def test_other_destinations_have_no_marts(name: str) -> None:
    with (
        pytest.raises(SettingError, match=f"duckdb, postgres and filesystem, not on {name}"),
        open_reader(name),
    ):
        pass


@on_postgres
def test_a_reader_of_postgres_sees_one_moment_of_all_marts(line: Line) -> None:
    counted = f"select count(*) from {MARTS}.mrr_daily"
    with line.at_work(), open_reader("postgres") as reader:
        before = reader.query(counted)
        line.warehouse.execute(f"delete from {MARTS}.mrr_daily")
        assert reader.query(counted) == before
        with open_reader("postgres") as later:
            assert later.query(counted)[1] == [(0,)]


@on_postgres
def test_a_reader_of_postgres_waits_for_the_end_of_a_build(line: Line) -> None:
    """A report made in the middle would have marts of before and marts of after."""
    with line.at_work():
        destination = open_destination("postgres")
        seen: list[Any] = []

        def read() -> None:
            with open_reader("postgres") as reader:
                seen.append(reader.query(f"select count(*) from {MARTS}.mrr_daily")[1][0][0])

        reading = threading.Thread(target=read)
        with build_lock(destination):
            reading.start()
            reading.join(1.5)
            assert reading.is_alive()
            line.warehouse.execute(f"delete from {MARTS}.mrr_daily")
        reading.join(20)
        assert seen == [0]
        with (
            build_lock(destination),
            pytest.raises(PipelineError, match=r"are being built.*Postgres process \d+"),
            open_reader("postgres", build_seconds=0.5),
        ):
            pass
        with build_lock(destination):
            assert command(line, "status").returncode == 0, "it reads no mart"


@on_postgres
def test_a_reader_of_postgres_writes_nothing_even_as_its_owner(line: Line) -> None:
    with line.at_work(), open_reader("postgres") as reader:
        with pytest.raises(PipelineError, match="Postgres refuses"):
            reader.query("select set_config('transaction_read_only', 'off', false)")
        with pytest.raises(PipelineError, match="Postgres refuses"):
            reader.query("select lo_create(0)")
    with closing(psycopg2.connect(line.warehouse.location)) as session, session.cursor() as cursor:
        cursor.execute("select count(*) from pg_locks where locktype = 'advisory'")
        assert cursor.fetchone() == (0,)


def test_the_report_of_the_copy_is_that_of_the_warehouse(line: Line, tmp_path: Path) -> None:
    pages = []
    for marts_alone in (False, True):
        with line.at_work(), open_reader(line.warehouse.engine, marts_alone=marts_alone) as reader:
            written = report_to(reader, tmp_path / f"{marts_alone}.html")
            pages.append(written.read_text(encoding="utf-8"))
    assert pages[0] == pages[1]
    assert new_business().company_id in pages[0]
