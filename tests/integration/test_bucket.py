"""A folder of Parquet files as warehouse: what counts in it is what a database would hold."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import dlt
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bucket_line import URL, BucketLine, folder_line, held
from conftest import FirstLoads, NewWarehouse, new_business
from loading import FAST, TABLES, Line, Table
from somebody_else import open_to_others
from warehouse import Warehouse

from whop_elt.destination import DATASET
from whop_elt.errors import ExitCode, Locked, PipelineError
from whop_elt.run import locked_destination
from whop_elt.status import read_status
from whop_simulator import Server, serve
from whop_source import RunReport, whop
from whop_source.bucket.destination import BucketClient, BucketSqlClient
from whop_source.surface import LEGACY

LOADED = (*TABLES, "membership_states", "plan_states")
DAYS = timedelta(days=3)


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> BucketLine:
    """The first load into a folder; only to be read."""
    with serve(new_business()) as server:
        line = folder_line(server, tmp_path_factory.mktemp("bucket"))
        assert line.sync().code is ExitCode.OK
        return line


@pytest.fixture
def line(first: BucketLine, server: Server, tmp_path: Path) -> BucketLine:
    """A copy of the folder with the first load."""
    copy = folder_line(server, tmp_path)
    subprocess.run(["cp", "-r", first.warehouse.location, copy.warehouse.location], check=True)
    return copy


@pytest.fixture
def database(
    first_loads: FirstLoads, server: Server, new_location: NewWarehouse, tmp_path: Path
) -> Line:
    """A DuckDB file with the same first load, of the same business."""
    original = first_loads("duckdb", LEGACY).line.warehouse
    work = tmp_path / "database"
    work.mkdir()
    copy = Warehouse("duckdb", new_location("duckdb", original.location), work=work)
    return Line(copy, server, work)


def change(line: Line) -> None:
    """Three days later: new rows, changed ones, and of some tables one that Whop has no more."""
    line.server.advance(DAYS)
    for table in ("payments", "members", "promo_codes", "plans"):
        line.business.remove(table, line.business.rows(table)[0]["id"])


def test_the_first_load_holds_what_a_database_does(first: BucketLine, database: Line) -> None:
    found, wanted = held(first, *LOADED), held(database, *LOADED)
    for table in LOADED:
        assert found[table] == wanted[table] != [], table
        (file,) = first.files(table)
        assert pq.read_metadata(file).num_rows == len(found[table]), table


def test_later_runs_hold_what_a_database_does_changes_and_deletions_included(
    line: BucketLine, database: Line
) -> None:
    for full in (True, False):
        change(line)
        code = line.sync(full=full).code
        assert database.sync(full=full).code is code is ExitCode.OK
    found, wanted = held(line, *LOADED), held(database, *LOADED)
    for table in LOADED:
        assert found[table] == wanted[table], table
    assert sum(row["_whop_deleted_at"] is not None for row in found["payments"]) >= 1
    # Appended: of a row that has changed the versions before are there still.
    versions = sum(pq.read_metadata(file).num_rows for file in line.files("payments"))
    assert versions > len(found["payments"])
    for table in TABLES:
        assert line.rows(table) == line.by_hand(table), table


def test_columns_are_of_the_types_that_a_database_has(first: BucketLine, database: Line) -> None:
    for table in ("payments", "memberships", "membership_states", "sync_runs", "entries"):
        with first.bucket.opened() as destination, destination.pipeline.sql_client() as client:
            described = client.execute_sql(f"describe select * from {DATASET}.{table}")
            assert described is not None
            types = {name: kind.lower() for name, kind, *_ in described}
        assert types == database.column_types()[table], table


def test_views_in_a_file_of_one_s_own_hold_the_newest_versions(
    line: BucketLine, tmp_path: Path
) -> None:
    change(line)
    line.sync(full=True)
    path = tmp_path / "mine.duckdb"
    with line.bucket.opened() as destination, destination.pipeline.sql_client() as client:
        assert isinstance(client, BucketSqlClient)
        with duckdb.connect(path) as connection:
            assert {*LOADED, "sync_runs"} <= set(client.create_views(connection, DATASET))
    wanted = held(line, "payments", "plan_states")
    mine = Line(Warehouse("duckdb", str(path)), line.server, tmp_path)
    assert held(mine, "payments", "plan_states") == wanted
    assert any(row["_whop_deleted_at"] for row in wanted["payments"])


def test_a_run_with_nothing_new_adds_files_of_what_each_run_writes_alone(line: BucketLine) -> None:
    before = {table: len(line.files(table)) for table in TABLES}
    line.server.advance(timedelta(seconds=1))
    assert line.sync().code is ExitCode.OK
    grown = {table for table in TABLES if len(line.files(table)) > before[table]}
    assert grown == {"companies"}


def test_a_row_of_an_older_run_does_not_count_though_it_is_loaded_later(line: BucketLine) -> None:
    """A clock of this machine that is behind gives a load an older number."""
    line.server.advance(DAYS)
    line.sync()
    newest = max(line.files("payments"))
    as_of_now = held(line, "payments")["payments"]
    numbers = {path.name.rsplit(".", 2)[0] for path in line.files("payments")}
    late = f"{float(max(numbers)) + 10_000:.6f}"
    first_file = min(line.files("payments"))
    copy = first_file.with_name(f"{late}.0123456789.parquet")
    rows = pq.read_table(first_file)
    place = rows.schema.get_field_index("_dlt_load_id")
    numbered = pa.array([late] * rows.num_rows, rows.schema.field(place).type)
    pq.write_table(rows.set_column(place, rows.schema.field(place), numbered), copy)
    assert held(line, "payments")["payments"] == as_of_now, "its load has not ended"
    ended = next((line.dataset / "_dlt_loads").iterdir())
    (line.dataset / "_dlt_loads" / f"whop__{late}.jsonl").write_bytes(ended.read_bytes())
    assert newest.exists()
    assert held(line, "payments")["payments"] == as_of_now


def test_what_dlt_has_of_its_own_is_refused_as_every_version_would_count(
    line: BucketLine, tmp_path: Path
) -> None:
    with line.at_work():
        pipeline = dlt.pipeline("plain", destination="filesystem", pipelines_dir=str(tmp_path))
        with pytest.raises(Exception, match=r"destination=whop_source\.bucket\.Bucket"):
            pipeline.run(whop(api_key=line.server.api_key, base_url=line.server.base_url, **FAST))


def test_a_table_whose_folder_is_gone_is_made_anew(line: BucketLine) -> None:
    wanted = held(line, "refunds")["refunds"]
    subprocess.run(["rm", "-r", str(line.dataset / "refunds")], check=True)
    with line.bucket.opened() as destination:
        (said,) = read_status(destination)["missing"]
    assert said.startswith("refunds is not there")
    line.server.advance(timedelta(seconds=1))
    assert line.sync().code is ExitCode.OK
    changing = {"_dlt_id", "_whop_synced_at"}
    found = held(line, "refunds")["refunds"]
    assert [{**row, **dict.fromkeys(changing)} for row in found] == [
        {**row, **dict.fromkeys(changing)} for row in wanted
    ]


def test_companies_that_are_synced_by_themselves_are_read_together(
    server: Server, tmp_path: Path
) -> None:
    """Each has a state of its own; what tables there are, the bucket says."""
    line = folder_line(server, tmp_path)
    with line.at_work(), locked_destination("filesystem", line.business.company_id) as one:
        from whop_elt.run import sync

        settings = {"api_key": server.api_key, "base_url": server.base_url, **FAST}
        assert sync(one, RunReport(), **settings) is ExitCode.OK
    assert len(line.rows("payments")) > 100
    with line.bucket.opened() as destination:
        assert read_status(destination)["tables"]


def test_the_log_of_runs_that_release_0_1_wrote_as_text_is_in_nobody_s_way(
    line: BucketLine,
) -> None:
    before = len(line.warehouse.read("sync_runs", schema=DATASET))
    (file,) = line.files("sync_runs")
    file.with_name(file.name.replace("parquet", "jsonl")).write_bytes(b"text")
    assert len(line.warehouse.read("sync_runs", schema=DATASET)) == before > 0


# Runs that are killed

MOMENTS = {
    "half a file of a table is there": """
def half(self):
    if self.load_table_name == "payments":
        path = Path(self.make_remote_path())
        path.parent.mkdir(exist_ok=True, parents=True)
        content = Path(self._file_path).read_bytes()
        path.write_bytes(content[: len(content) // 2])
        die()
    put(self)
put, BucketLoadJob.run = BucketLoadJob.run, half
""",
    "all files are there and no state": """
BucketClient._store_current_state = lambda self, load_id: die()
""",
    "the state is there and the load has not ended": """
BucketClient._store_load = lambda self, load_id: die()
""",
    "half of the line that ends the load is written": """
def half(self, path, data):
    FilesystemClient._write_to_json_file(self, path, {"load_id": data["load_id"]})
    die()
def end(self, load_id):
    FilesystemClient._write_to_json_file = lambda self, path, data: (
        Path(path).write_text('{"load'), die()
    )
    store(self, load_id)
store, BucketClient._store_load = BucketClient._store_load, end
""",
}

KILLED = """
import os, signal
from pathlib import Path
from dlt.destinations.impl.filesystem.filesystem import FilesystemClient
from whop_elt.destination import open_destination
from whop_elt.run import sync
from whop_source import RunReport
from whop_source.bucket.destination import BucketClient, BucketLoadJob

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
{patch}
sync(open_destination("filesystem"), RunReport(), backoff_seconds=0.01)
"""


@pytest.mark.parametrize(
    ("run", "moment"),
    [
        *(("later", moment) for moment in MOMENTS),
        *(("first", moment) for moment in [*MOMENTS][::2]),
    ],
)
def test_a_killed_run_is_not_seen_and_the_next_one_brings_all(
    line: BucketLine, tmp_path: Path, moment: str, run: str
) -> None:
    if run == "first":
        line = folder_line(line.server, tmp_path, "empty")
    else:
        change(line)
    before = {} if run == "first" else held(line, *LOADED)
    with line.at_work():
        environment = {
            **os.environ,
            "SOURCES__WHOP__API_KEY": line.server.api_key,
            "SOURCES__WHOP__BASE_URL": line.server.base_url,
            "SOURCES__WHOP__COMPANY_ID": line.business.company_id,
        }
        ended = subprocess.run(
            [sys.executable, "-c", KILLED.replace("{patch}", MOMENTS[moment])],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert line.files("payments"), "it had begun to load"
    if before:
        assert held(line, *LOADED) == before

    again = line.sync()
    assert again.code is ExitCode.OK
    if run == "first":
        never_killed = folder_line(line.server, tmp_path, "never")
        never_killed.sync()
        assert held(line, *LOADED) == held(never_killed, *LOADED)
    else:
        assert 0 < again["payments"].rows_new < len(line.rows("payments")) / 2, "cursors stand"
        # A full pass afterwards finds nothing that this one has left out.
        full = line.sync(full=True)
        assert {name: full[name].rows_new for name in TABLES} == dict.fromkeys(TABLES, 0)


# What is not as it must be


def test_a_damaged_file_stops_a_run_in_a_line_and_a_full_one_brings_its_rows_back(
    line: BucketLine,
) -> None:
    wanted: Table = line.rows("payments")
    (file,) = line.files("payments")
    file.write_bytes(file.read_bytes()[:500])
    line.server.advance(timedelta(seconds=1))
    with pytest.raises(PipelineError) as ended:
        line.sync()
    said = str(ended.value)
    assert ended.value.exit_code is ExitCode.FAILED
    assert "\n" not in said
    assert str(file) in said
    assert "take it away and sync with --full" in said
    file.unlink()
    line.sync(full=True)
    found = line.rows("payments")
    own = ("_dlt_load_id", "_whop_synced_at", "_dlt_id")
    assert {key: {**row, **dict.fromkeys(own)} for key, row in found.items()} == {
        key: {**row, **dict.fromkeys(own)} for key, row in wanted.items()
    }


def test_a_second_run_is_told_who_has_the_folder(line: BucketLine, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with line.at_work(), locked_destination("filesystem"):
        os.chdir(elsewhere)
        with (
            pytest.raises(Locked, match=r"process \d+ on .* holds .*whop_raw\.lock"),
            locked_destination("filesystem"),
        ):
            pass
    with line.at_work(), locked_destination("filesystem"):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("command", ["sync", "check", "compact"])
def test_a_folder_of_somebody_else_s_is_one_line(
    line: BucketLine, tmp_path: Path, command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o777)
    theirs.chmod(0o777)
    open_to_others(tmp_path)
    import whop_elt.check
    import whop_elt.cli
    import whop_elt.run

    with line.at_work():
        Path(line.warehouse.location).chmod(0o755)
        child = os.fork()
        if child == 0:
            code = 99
            try:
                os.chdir(theirs)
                os.setgid(65534)
                os.setuid(65534)
                os.environ |= {
                    "SOURCES__WHOP__API_KEY": line.server.api_key,
                    "SOURCES__WHOP__BASE_URL": line.server.base_url,
                    "SOURCES__WHOP__COMPANY_ID": line.business.company_id,
                }
                sys.argv = ["whop-elt", command, "--destination", "filesystem"]
                whop_elt.cli.main()
            except SystemExit as ended:
                code = int(ended.code or 0)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
    said = capfd.readouterr()
    assert os.waitstatus_to_exitcode(status) == 1, said
    line_of = [each for each in (said.out + said.err).splitlines() if URL in each]
    assert len(line_of) == 1, said
    assert "cannot be written" in line_of[0]


def test_status_and_the_state_are_of_the_newest_load_that_ended(line: BucketLine) -> None:
    line.server.advance(DAYS)
    line.sync()
    with line.bucket.opened() as destination:
        found = read_status(destination)
        assert {table["status"] for table in found["tables"]} == {"ok"}
        assert len(found["runs"]) == 2
        assert found["missing"] == []
        assert destination.location == str(line.dataset)
        client = destination.pipeline.destination_client()
        assert isinstance(client, BucketClient)
        states = sorted((line.dataset / "_dlt_pipeline_state").iterdir())
        assert len(states) == 2
        newest = client.get_stored_state("whop")
        assert newest is not None
        # Its load has not ended any more: the state before counts.
        last = max((line.dataset / "_dlt_loads").iterdir(), key=lambda path: path.name)
        last.unlink()
        before = client.get_stored_state("whop")
        assert before is not None
        assert before.version < newest.version
