"""A database that goes away in the middle of a run: what is there stays, and the next run heals."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import new_business
from dlt.destinations.job_client_impl import SqlJobClientBase, SqlLoadJob
from loading import FAST, TABLES, Line, Table, documented, expected
from local_postgres import PostgresServer
from warehouse import Warehouse as Stored

from whop_elt.errors import ExitCode, PipelineError
from whop_elt.run import locked_destination, sync
from whop_simulator import serve
from whop_source import RunReport
from whop_source.warehouse import Warehouse

DAYS = timedelta(days=3)
Tables = dict[str, Table]


@pytest.fixture(scope="module")
def mortal() -> Iterator[PostgresServer]:
    """A server of these tests' own: the others want theirs alive."""
    server = PostgresServer()
    yield server
    server.remove()


class Story:
    """Some days after a first load: what a run brings in peace, and one that is disturbed."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.first = line.sync()
        self.before = self.contents()
        line.server.advance(DAYS)

    @property
    def setting(self) -> str:
        return f"DESTINATION__{self.line.warehouse.engine.upper()}__CREDENTIALS"

    def contents(self) -> Tables:
        """Every table, without what only says which load has written a row."""
        return {
            table: {
                key: {name: value for name, value in row.items() if name != "_dlt_load_id"}
                for key, row in rows.items()
            }
            for table, rows in self.line.contents().items()
        }

    def fail(self, loading: Callable[[], None] | None = None) -> str:
        """Sync, and return what the run says of its failure."""
        server = self.line.server
        with (
            pytest.raises(PipelineError) as caught,
            self.line.at_work(),
            locked_destination(self.line.warehouse.engine) as destination,
        ):
            sync(
                destination,
                RunReport(),
                loading=loading,
                api_key=server.api_key,
                base_url=server.base_url,
                company_id=self.line.business.company_id,
                **FAST,
            )
        assert caught.value.exit_code is ExitCode.FAILED
        return str(caught.value)

    def heal(self, wanted: Tables) -> None:
        """See that every table is whole, the old one or the new one; then that a run heals."""
        for table, rows in self.contents().items():
            assert rows in (self.before[table], wanted[table]), f"{table} is half loaded"
        healed = self.line.sync()
        assert healed.code is ExitCode.OK
        for table in TABLES:
            assert healed[table].mode == "incremental"
            assert healed[table].cursor_before == self.first[table].cursor_after
        assert self.contents() == wanted
        states = self.line.warehouse.read("membership_states", schema="whop_raw")
        assert {row["_dlt_id"] for row in states} >= {
            row["_dlt_id"] for row in wanted["memberships"].values()
        }


def told(text: str, setting: str) -> None:
    """A failure is one line that a person can act on."""
    assert "\n" not in text
    assert setting in text, text
    assert "next run" in text


@pytest.fixture(scope="module")
def in_peace(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """What the tables hold when nothing disturbs the second run."""
    folder = tmp_path_factory.mktemp("peace")
    with serve(new_business()) as server:
        line = Line(Stored("duckdb", str(folder / "whop.duckdb"), work=folder), server, folder)
        story = Story(line)
        assert line.sync().code is ExitCode.OK
        contents = story.contents()
        assert all(contents[table] != story.before[table] for table in ("payments", "members"))
        return contents


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    """A DuckDB file."""
    with serve(new_business()) as server:
        stored = Stored("duckdb", str(tmp_path / "whop.duckdb"), work=tmp_path)
        yield Story(Line(stored, server, tmp_path))


@pytest.fixture
def served(mortal: PostgresServer, tmp_path: Path) -> Iterator[Story]:
    """A database on a server that can be killed."""
    mortal.new_database("whop")
    with serve(new_business()) as server:
        stored = Stored("postgres", mortal.url_of("whop"), work=tmp_path)
        yield Story(Line(stored, server, tmp_path))


MOMENTS: dict[str, tuple[Any, str, Callable[[Any], bool]]] = {
    "is asked what it holds": (Warehouse, "known", lambda _: True),
    "is loaded": (SqlLoadJob, "run", lambda job: job.job_file_info().table_name == "payments"),
    "is to commit the load": (SqlJobClientBase, "complete_load", lambda _: True),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_postgres_dies_when_it(
    moment: str,
    served: Story,
    mortal: PostgresServer,
    in_peace: Tables,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner, name, is_it = MOMENTS[moment]
    original = getattr(owner, name)
    killed: list[str] = []

    def disturbed(self: Any, *arguments: Any, **settings: Any) -> Any:
        if is_it(self) and not killed:
            killed.append(moment)
            mortal.kill()
        return original(self, *arguments, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, disturbed)
        said = served.fail()
    assert killed
    mortal.start()
    told(said, served.setting)
    served.heal(in_peace)


@pytest.mark.parametrize("moment", ["after whop is read", "before it is loaded"])
def test_duckdb_is_opened_by_somebody_else(
    moment: str, story: Story, in_peace: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading takes its time, and a person looks at the file meanwhile."""
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"
    holders: list[subprocess.Popen[str]] = []

    def open_it() -> None:
        if not holders:
            command = [sys.executable, "-c", hold, story.line.warehouse.location]
            pipe = subprocess.PIPE
            holders.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
            assert holders[0].stdout
            assert holders[0].stdout.readline() == "held\n"

    enter = Warehouse.__enter__

    def disturbed(self: Warehouse) -> Warehouse:
        open_it()
        return enter(self)

    with monkeypatch.context() as patch:
        if moment == "after whop is read":
            patch.setattr(Warehouse, "__enter__", disturbed)
        try:
            said = story.fail(open_it)
        finally:
            for holder in holders:
                holder.communicate("\n", timeout=20)
    told(said, story.setting)
    story.heal(in_peace)


def test_the_disk_of_duckdb_is_full(tmp_path: Path, story: Story) -> None:
    """No file may grow beyond what the working files of dlt need, and the database needs more."""
    line = story.line
    database = tmp_path / "full.duckdb"
    room = 1_000_000
    assert Path(line.warehouse.location).stat().st_size > 2 * room
    run = [sys.executable, "-m", "whop_elt.cli", "sync"]
    environment = {
        **os.environ,
        story.setting: str(database),
        "SOURCES__WHOP__API_KEY": line.server.api_key,
        "SOURCES__WHOP__BASE_URL": line.server.base_url,
        "SOURCES__WHOP__COMPANY_ID": line.business.company_id,
    }
    ended = subprocess.run(
        run,
        cwd=tmp_path,
        env=environment,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == ExitCode.FAILED, ended.stdout + ended.stderr
    told(ended.stderr.strip(), story.setting)
    assert "disk" in ended.stderr

    line.warehouse.location = str(database)
    assert line.sync().code is ExitCode.OK
    for table in TABLES:
        assert documented(table, line.rows(table)) == expected(line.business, table)
