"""The marts of a folder and of a bucket: published whole, and read where nothing else is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from io import StringIO
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import pytest
from bucket_line import BucketLine, BucketWarehouse
from explained_alike import explains_alike
from published import KEPT, OUTCOMES
from rich.console import Console
from s3_server import CREDENTIALS, new_bucket, s3_client, s3_endpoint, s3_key, s3_settings
from warehouse import Warehouse

from whop_elt.analyses import analyses
from whop_elt.ask import ask
from whop_elt.bucket_models import _builds, models_home, open_bucket
from whop_elt.builds import Builds
from whop_elt.destination import (
    DATASET,
    INTERMEDIATE,
    MARTS,
    PERSONAL,
    bucket_client,
    open_destination,
)
from whop_elt.errors import ExitCode, Locked, NothingThere, PipelineError, SettingError
from whop_elt.explain import explain_in, raw_rows
from whop_elt.mcp.asker import Asker, Question
from whop_elt.mcp.numbers import Numbers
from whop_elt.mcp.tool import ToolFailed
from whop_elt.reading import open_reader
from whop_elt.report import read_pages
from whop_elt.run import locked_destination
from whop_elt.spark.home import Home
from whop_elt.status import read_status
from whop_elt.summary import show_summary

FILE = "DESTINATION__DUCKDB__CREDENTIALS"
KINDS = ("folder", "s3")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_endpoint() as address:
        yield address


@pytest.fixture(scope="module")
def uploaded(run_into_folder: BucketLine, endpoint: str) -> str:
    """A bucket with what the folder has; only to be read."""
    address = new_bucket(endpoint)
    upload(Path(run_into_folder.warehouse.location), address, endpoint)
    return address


def upload(folder: Path, address: str, endpoint: str) -> None:
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    s3 = s3_client(endpoint)
    for file in folder.rglob("*"):
        if file.is_file() and file.suffix != ".lock":
            s3.upload_file(str(file), bucket, f"{prefix}/{file.relative_to(folder)}")


def line_to(location: str, original: BucketLine, folder: Path, endpoint: str) -> BucketLine:
    settings = s3_settings(endpoint) if location.startswith("s3://") else {}
    warehouse = BucketWarehouse("filesystem", location, work=folder, settings=settings)
    return BucketLine(warehouse, original.server, folder)


@pytest.fixture(params=KINDS)
def line(
    request: pytest.FixtureRequest, run_into_folder: BucketLine, endpoint: str, tmp_path: Path
) -> BucketLine:
    """What was built, only to be read, from a folder in which there is nothing."""
    location = run_into_folder.warehouse.location
    if request.param == "s3":
        location = request.getfixturevalue("uploaded")
    empty = tmp_path / "elsewhere"
    empty.mkdir()
    return line_to(location, run_into_folder, empty, endpoint)


@pytest.fixture
def here(line: BucketLine, run_into_folder: BucketLine) -> Iterator[BucketLine]:
    """At work there; `duckdb` is the file in which it was built."""
    file = run_into_folder.folder / "whop.duckdb"
    with line.at_work(), patch.dict(os.environ, {FILE: str(file)}):
        yield line


def no_more_than(folder: Path, *names: str) -> bool:
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


# Read


def test_the_marts_are_those_of_the_database_every_row_and_type(here: BucketLine) -> None:
    client = bucket_client()
    builds = _builds(client)
    tables = builds.tables(builds.current)
    with (
        duckdb.connect(os.environ[FILE], read_only=True) as database,
        duckdb.connect() as connection,
    ):
        client.lend(connection)
        wanted = database.sql(
            "select schema_name, table_name from duckdb_tables() "
            f"where schema_name in ('{MARTS}', '{PERSONAL}')"
        ).fetchall()
        assert sorted(tables) == sorted([*wanted, *KEPT])
        assert sorted(builds.remembered()) == sorted(KEPT)
        for each in (database, connection):
            each.execute("set timezone = 'UTC'")
        for schema, table in tables:
            theirs = database.sql(f"select * from {schema}.{table}")
            ours = connection.sql(f"select * from read_parquet({tables[schema, table]})")
            assert (ours.columns, ours.types) == (theirs.columns, theirs.types), table
            rows = ours.fetchall()
            assert sorted(map(str, rows)) == sorted(map(str, theirs.fetchall())), table
    assert len(rows) > 0


def test_every_question_is_answered_as_from_the_file(here: BucketLine) -> None:
    answered = 0
    with open_bucket(60, raw=False) as bucket:

        @contextmanager
        def opened(name: str, **_: Any) -> Iterator[Any]:
            """To open the bucket for each of them takes the test longer than to ask."""
            if name == "filesystem":
                yield bucket
                return
            with open_reader(name) as reader:
                yield reader

        with patch("whop_elt.ask.open_reader", opened):
            for name, contacts in product(analyses(), (False, True)):
                found, wanted = (
                    ask(each, name, contacts=contacts) for each in ("filesystem", "duckdb")
                )
                assert found.columns == wanted.columns
                assert sorted(map(str, found.rows)) == sorted(map(str, wanted.rows)), name
                answered += bool(found.rows)
    assert answered > 30
    assert no_more_than(here.folder)


def without_ages(status: dict[str, Any]) -> dict[str, Any]:
    tables = [{**table, "age_hours": None} for table in status["tables"]]
    return {**status, "tables": tables, "age_hours": None}


def test_numbers_reports_and_status_are_those_of_the_file(here: BucketLine) -> None:
    with open_reader("filesystem", raw=True) as bucket, open_reader("duckdb") as database:
        assert bucket.location == here.warehouse.location
        explains_alike(bucket, database)
        assert read_pages(bucket) == read_pages(database)
        shown = []
        for each in (bucket, database):
            console = Console(width=120, record=True, file=StringIO())
            show_summary(each, console)
            # Plans given by hand are in the file alone.
            text = console.export_text().replace("given_plan_versions, ", "")
            shown.append(text.split("The warehouse is")[0])
        assert shown[0] == shown[1]
        assert "payments" in shown[0]
    statuses = [
        without_ages(read_status(open_destination(name, reading=True)))
        for name in ("filesystem", "duckdb")
    ]
    assert statuses[0] == statuses[1]
    assert len(statuses[0]["tables"]) > 10
    assert no_more_than(here.folder)


@pytest.mark.parametrize("line", ["folder"], indirect=True)
def test_the_commands_write_nothing_but_the_report(line: BucketLine) -> None:
    def said(*arguments: str) -> str:
        with line.at_work():
            ran = subprocess.run(
                [sys.executable, "-m", "whop_elt.cli", *arguments],
                env={**os.environ, "WHOP_ELT_DESTINATION": "filesystem"},
                capture_output=True,
                text=True,
                check=False,
            )
        assert ran.returncode == ExitCode.OK, ran.stderr
        return ran.stdout

    assert "company_id" in said("ask", "the-month-in-numbers", "--csv")
    assert "payments" in said("report")  # with the rows of each raw table
    assert json.loads(said("status", "--json"))["tables"]
    assert no_more_than(line.folder, "whop-report.html")


def test_nothing_else_is_reached_by_way_of_it(here: BucketLine) -> None:
    place = here.warehouse.location
    with open_reader("filesystem") as bucket:
        for sql in (
            "select * from '/etc/passwd'",
            "select * from read_text('/etc/passwd')",
            f"select * from read_parquet('{place}/{DATASET}/payments/*.parquet')",
            f"select * from read_text('{place}/current')",
            f"copy (select 1) to '{place}/builds/out.parquet'",
            "set enable_external_access = true",
            f"drop view {MARTS}.mrr_daily",
        ):
            with pytest.raises(PipelineError) as ended:
                bucket.query(sql)
            assert "\n" not in str(ended.value)


# Keys that may not do everything


READS = {"Action": ["s3:List*", "s3:Get*"], "Resource": "*"}


@pytest.fixture
def as_reader(
    uploaded: str, run_into_folder: BucketLine, endpoint: str, tmp_path: Path
) -> Callable[..., Any]:
    """Be at work with a key that has these rights."""

    @contextmanager
    def at_work(*allowed: dict[str, Any]) -> Iterator[BucketLine]:
        line = line_to(uploaded, run_into_folder, tmp_path, endpoint)
        with s3_key(endpoint, *allowed) as keys:
            line.bucket.settings = {**line.bucket.settings, **keys}
            with line.at_work():
                yield line

    return at_work


def test_a_key_that_may_only_read_is_enough(as_reader: Callable[..., Any]) -> None:
    with as_reader(READS) as line:
        assert ask("filesystem", "who-is-about-to-leave", contacts=True).columns
        with open_reader("filesystem", raw=True) as bucket:
            found = explain_in(bucket, "gross", f"{line.business.clock:%Y-%m}")
            assert raw_rows(bucket, found)[1]
            assert read_pages(bucket)
        assert read_status(open_destination("filesystem", reading=True))["tables"]
        with pytest.raises(SettingError, match="refuses") as ended, publishing(line):
            pass
    assert "\n" not in str(ended.value)


def test_a_key_of_the_marts_alone_reads_the_marts_alone(
    as_reader: Callable[..., Any], uploaded: str
) -> None:
    place = f"arn:aws:s3:::{uploaded.removeprefix('s3://')}"
    allowed = {
        "Action": ["s3:GetObject"],
        "Resource": [
            f"{place}/current",
            f"{place}/builds/*/files.json",
            f"{place}/builds/*/{MARTS}.db/*",
        ],
    }
    with as_reader(allowed) as line:
        assert ask("filesystem", "the-month-in-numbers").rows
        with pytest.raises(PipelineError, match=f"may not read {PERSONAL}, which holds the names"):
            ask("filesystem", "who-is-about-to-leave", contacts=True)
        with open_reader("filesystem", raw=True) as bucket:
            assert read_pages(bucket)
            show_summary(bucket, Console(file=StringIO()))
            found = explain_in(bucket, "gross", f"{line.business.clock:%Y-%m}")
            with pytest.raises(PipelineError, match=f"denied for schema {DATASET}") as ended:
                raw_rows(bucket, found)
    assert "\n" not in str(ended.value)


# Published


class Killed(BaseException):
    """What ends a publication as a killed process does: nobody tidies up."""


@pytest.fixture(params=KINDS)
def own(
    request: pytest.FixtureRequest, run_into_folder: BucketLine, endpoint: str, tmp_path: Path
) -> BucketLine:
    """A copy of what was built, with the file it was built in."""
    location = tmp_path / "bucket"
    shutil.copytree(run_into_folder.warehouse.location, location)
    work = tmp_path / "work"
    work.mkdir()
    shutil.copy(run_into_folder.folder / "whop.duckdb", work)
    if request.param == "folder":
        return line_to(str(location), run_into_folder, work, endpoint)
    address = new_bucket(endpoint)
    upload(location, address, endpoint)
    return line_to(address, run_into_folder, work, endpoint)


in_a_folder = pytest.mark.parametrize("own", ["folder"], indirect=True)


@contextmanager
def publishing(line: BucketLine) -> Iterator[Callable[[str], None]]:
    """Publish again what was built, the company's title changed so that one sees which it is."""
    with (
        line.at_work(),
        locked_destination("filesystem") as bucket,
        models_home(bucket) as home,
    ):

        def publish(title: str) -> None:
            with home.pipeline.sql_client() as client:
                client.execute_sql(f"update {MARTS}.dim_companies set title = '{title}'")
            assert home.publish is not None
            home.publish(OUTCOMES)

        yield publish


def title() -> str:
    with open_reader("filesystem") as bucket:
        ((found,),) = bucket.query(f"select title from {MARTS}.dim_companies")[1]
        return str(found)


def ids() -> list[str]:
    return sorted(_builds(bucket_client())._ids())


@contextmanager
def watched(watch: Callable[[str, str], None]) -> Iterator[None]:
    """Have each change that a publication makes watched; what the watch raises ends it before."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("put", "_write", "_remove"):
            real = getattr(Builds, name)

            def step(self: Builds, *given: Any, name: str = name, real: Any = real) -> None:
                watch(name, str(given[-1] if name == "put" else given[0]))
                real(self, *given)

            patched.setattr(Builds, name, step)
        yield


def test_a_publication_that_is_killed_at_any_step_changes_nothing(own: BucketLine) -> None:
    with publishing(own) as publish:
        builds = _builds(bucket_client())
        publish("first")
        publish("second")
        seen: list[tuple[str, str]] = []
        with watched(lambda *step: seen.append(step)):
            publish("third")
        assert [name for name, _ in seen[-3:]] == ["_write"] * 3
        assert seen[-1][1].endswith("/current")
        puts = [at for at, (name, _) in enumerate(seen) if name == "put"]
        assert len(puts) > 30
        assert puts[0] == 1, "an old build is removed first"
        steps = [0, puts[0], puts[1], puts[-1], *range(puts[-1] + 1, len(seen))]
        # In a bucket each file takes its time.
        for at in steps if builds.is_local else [puts[1], len(seen) - 1]:
            before = ids()
            number = 0

            def kill(*_: str, at: int = at) -> None:
                nonlocal number
                number += 1
                if number > at:
                    raise Killed

            with pytest.raises(Killed), watched(kill):
                publish("killed")
            assert title() == "third", seen[at]
            left = set(ids()) - set(before)
            if at > puts[0]:
                assert left, "it had begun to write"
        publish("last")
        assert title() == "last"
        assert not left & set(ids())
        assert len(ids()) == 3


def test_who_has_begun_to_read_reads_on_through_the_next_build(own: BucketLine) -> None:
    asked = f"select title from {MARTS}.dim_companies"
    with publishing(own) as publish:
        publish("first")
        with open_reader("filesystem") as bucket:
            publish("second")
            assert bucket.query(asked)[1] == [("first",)]
            publish("third")
            assert bucket.query(asked)[1] == [("first",)]
            publish("fourth")
            with pytest.raises(PipelineError, match="was removed meanwhile") as ended:
                bucket.query(f"select count(*), min(net_usd) from {MARTS}.fct_payments")
            assert "\n" not in str(ended.value)
        assert title() == "fourth"


@in_a_folder
def test_a_build_is_later_than_the_one_before_also_where_a_clock_is_behind(
    own: BucketLine,
) -> None:
    ahead = "29991231T235959000000Z"
    with publishing(own) as publish:
        builds = _builds(bucket_client())
        place = Path(builds.path(builds.current))
        place.rename(place.with_name(ahead))
        Path(own.warehouse.location, "current").write_text(ahead)
        publish("later")
        assert ids()[-2] == ahead
        assert title() == "later"


@in_a_folder
def test_spark_and_a_run_cannot_build_in_one_folder_at_once(own: BucketLine) -> None:
    home = Home(Path(own.warehouse.location))
    with own.at_work(), locked_destination("filesystem") as bucket:
        with models_home(bucket), pytest.raises(Locked), home.new_build():
            pass
        with home.new_build(), pytest.raises(Locked, match=r"build\.lock"), models_home(bucket):
            pass
        # And each finds the build of the other.
        with home.new_build() as build:
            assert sorted(home.remembered(build)) == sorted(KEPT)


@in_a_folder
def test_a_type_that_parquet_does_not_have_is_no_float(own: BucketLine) -> None:
    with publishing(own) as publish:
        publish("before")
        with duckdb.connect("whop.duckdb") as connection:
            connection.execute(f"alter table {MARTS}.dim_companies add column wide hugeint")
        with pytest.raises(PipelineError, match="dim_companies"):
            publish("after")
        assert title() == "before"


@in_a_folder
def test_a_bucket_that_does_not_take_the_marts_is_said_and_keeps_those_it_has(
    own: BucketLine,
) -> None:
    def refuse(self: Builds, file: Path, build: str, table: tuple[str, str]) -> None:
        raise PermissionError(13, "Permission denied", self.path(build, *table))

    with publishing(own) as publish:
        publish("before")
        with (
            patch.object(Builds, "put", refuse),
            pytest.raises(SettingError, match="BUCKET_URL") as ended,
        ):
            publish("after")
        assert str(ended.value).startswith(
            f"The models are built, but not in {own.warehouse.location}: "
        )
        assert "\n" not in str(ended.value)
        assert title() == "before"


# Agents


@in_a_folder
def test_agents_ask_a_copy_that_has_the_marts_alone_and_follows_the_builds(
    own: BucketLine,
) -> None:
    asked = Question("select title from dim_companies", trusted=False)
    names = Question(f"select count(name) from {PERSONAL}.member_contacts", trusted=False)
    with closing(Asker("filesystem")) as asker, closing(Asker("filesystem", contacts=True)) as both:
        with publishing(own) as publish:
            for title in ("first", "second", "third"):
                publish(title)
                assert asker.ask_all([asked])[0].rows == [[title]]
        with own.at_work():
            with pytest.raises(ToolFailed, match="There is no mart"):
                asker.ask_all([names])
            # Nor by what we would ask ourselves: it is not there.
            for table in (f"{PERSONAL}.member_contacts", f"{DATASET}.payments"):
                with pytest.raises(NothingThere):
                    asker.ask(f"select * from {table}")
            with pytest.raises(PipelineError, match="disabled"):
                asker.ask(f"select * from read_text('{own.warehouse.location}/current')")
            assert both.ask_all([names])[0].rows[0][0] > 10
            assert Numbers(asker).dialect == "duckdb"
            copies = sorted(path.name for path in Path(".whop-elt/marts").iterdir())
        assert len(copies) == 3, "of two builds, and one with names"


# What is remembered


@in_a_folder
def test_a_new_file_goes_on_from_what_the_bucket_remembers(own: BucketLine, tmp_path: Path) -> None:
    with duckdb.connect(str(own.folder / "whop.duckdb"), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        ((payment, synced),) = connection.execute(
            f"""select p.payment_id, (select max(last_synced_at) from {INTERMEDIATE}.int_as_of)
            from {MARTS}.fct_payments as p
            join {MARTS}.fct_subscription_periods as s using (payment_id)
            where s.mrr_usd > 0 and p.refunded_usd = 0 and p.paid_at
              < (select as_of from {MARTS}.dim_companies) - interval '70 days'
            order by p.payment_id limit 1"""
        ).fetchall()
    lost = tmp_path / "lost"
    lost.mkdir()
    # The file that was kept goes on from what is in there.
    with patch("whop_elt.bucket_models._remember"):
        told = [restated_after(own, own.folder, payment, synced)]
    told.append(restated_after(own, lost, payment, synced))
    assert told[0] == told[1]
    assert all(told[0].values())


def restated_after(
    line: BucketLine, folder: Path, payment: str, synced: datetime
) -> dict[str, list[str]]:
    """What is told of closed months when one more payment is found, built in this folder."""
    line = line_to(line.warehouse.location, line, folder, "")
    with (
        line.at_work(),
        locked_destination("filesystem") as bucket,
        models_home(bucket) as home,
    ):
        location = home.location
    database = Warehouse("duckdb", location, work=folder)
    database.execute(
        f"insert into {DATASET}.payments select * replace (id || 'x' as id, "
        "_dlt_id || 'x' as _dlt_id, "
        f"timestamptz '{synced + timedelta(hours=1)}' as _whop_synced_at) "
        f"from {DATASET}.payments where id = '{payment}'"
    )
    database.dbt("run", "--select", "+int_told_builds", "+dim_companies")
    return {
        mart: sorted(map(str, database.read(mart)))
        for mart in ("restatements", "restatement_causes")
    }


# What is not as it must be


def test_before_the_first_build_the_line_says_what_builds(
    endpoint: str, run_into_folder: BucketLine, tmp_path: Path
) -> None:
    for location in (str(tmp_path / "nothing"), new_bucket(endpoint)):
        line = line_to(location, run_into_folder, tmp_path, endpoint)
        with (
            line.at_work(),
            pytest.raises(NothingThere, match="`whop-elt transform --destination filesystem`"),
            open_reader("filesystem"),
        ):
            pass
    line = line_to("s3://no-such-bucket/x", run_into_folder, tmp_path, endpoint)
    with (
        line.at_work(),
        pytest.raises(SettingError, match="BUCKET_URL"),
        open_reader("filesystem"),
    ):
        pass
    line.bucket.settings = {
        **s3_settings(endpoint),
        f"{CREDENTIALS}ENDPOINT_URL": "http://127.0.0.1:9",
    }
    with (
        line.at_work(),
        pytest.raises(PipelineError, match="ENDPOINT_URL") as ended,
        open_reader("filesystem"),
    ):
        pass
    assert ended.value.exit_code is ExitCode.FAILED


@in_a_folder
@pytest.mark.parametrize(
    "harm",
    [
        lambda build: next(build.glob(f"{MARTS}.db/mrr_daily/*")).unlink(),
        lambda build: next(build.glob(f"{MARTS}.db/mrr_daily/*")).write_bytes(b"PAR1 half"),
        lambda build: (build / "files.json").unlink(),
        shutil.rmtree,
    ],
    ids=["a file is missing", "a file is damaged", "half a copy", "no build"],
)
def test_a_build_that_is_not_whole_is_one_line(
    own: BucketLine, harm: Callable[[Path], Any]
) -> None:
    with own.at_work():
        builds = _builds(bucket_client())
        build = builds.current
        harm(Path(builds.path(build)))
        with pytest.raises(PipelineError) as ended, open_reader("filesystem"):
            pass
        assert "\n" not in str(ended.value)
        assert f"The build {build} in {own.warehouse.location} is not whole" in str(ended.value)
        assert "`whop-elt transform --destination filesystem`" in str(ended.value)
        assert ended.value.exit_code is ExitCode.FAILED


@pytest.mark.parametrize("line", ["folder"], indirect=True)
def test_a_bucket_that_ceases_to_answer_is_no_damaged_build(here: BucketLine) -> None:
    cut = duckdb.IOException(
        "Traceback (most recent call last):\n  File ...\nbotocore.exceptions."
        'EndpointConnectionError: Could not connect to the endpoint URL: "http://x"\n\nLINE 1: ...'
    )
    with (
        patch("whop_elt.builds_reader.add_views", side_effect=cut),
        pytest.raises(PipelineError) as ended,
        open_reader("filesystem"),
    ):
        pass
    assert str(ended.value) == (
        f"{here.warehouse.location} cannot be read: botocore.exceptions."
        'EndpointConnectionError: Could not connect to the endpoint URL: "http://x"'
    )


@in_a_folder
def test_a_run_does_not_go_on_without_what_a_damaged_build_remembers(own: BucketLine) -> None:
    with own.at_work():
        builds = _builds(bucket_client())
        file = next(Path(builds.path(builds.current)).glob(f"{INTERMEDIATE}.db/int_told_builds/*"))
        file.write_bytes(file.read_bytes()[:50])
        with pytest.raises(PipelineError, match="is not whole") as ended, publishing(own):
            pass
        assert "\n" not in str(ended.value)
        # As the line says.
        Path(own.warehouse.location, "current").unlink()
    with publishing(own) as publish:
        publish("anew")
        assert title() == "anew"


def test_spark_is_no_destination(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from whop_elt import cli

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHOP_ELT_SPARK_HOME", str(tmp_path))
    for words in (["ask", "the-month-in-numbers"], ["explain", "mrr", "2025-12"], ["report"]):
        monkeypatch.setattr(sys, "argv", ["whop-elt", *words, "--destination", "spark"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == ExitCode.SETTING
        assert "duckdb, postgres and filesystem, not on spark" in capsys.readouterr().err
