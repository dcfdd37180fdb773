"""The marts of a folder and of a bucket, read where nothing else is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import pytest
from bucket_line import BucketLine
from explained_alike import explains_alike
from published import KEPT, KINDS, line_to, publishing, upload
from rich.console import Console
from s3_server import CREDENTIALS, new_bucket, s3_key, s3_settings

from whop_elt.analyses import analyses
from whop_elt.ask import ask
from whop_elt.bucket_models import _builds, open_bucket
from whop_elt.destination import (
    DATASET,
    MARTS,
    PERSONAL,
    bucket_client,
    open_destination,
)
from whop_elt.errors import ExitCode, NothingThere, PipelineError, SettingError
from whop_elt.explain import explain_in, raw_rows
from whop_elt.reading import open_reader
from whop_elt.report import read_pages
from whop_elt.status import read_status
from whop_elt.summary import show_summary

FILE = "DESTINATION__DUCKDB__CREDENTIALS"


@pytest.fixture(scope="module")
def uploaded(run_into_folder: BucketLine, endpoint: str) -> str:
    """A bucket with what the folder has; only to be read."""
    address = new_bucket(endpoint)
    upload(Path(run_into_folder.warehouse.location), address, endpoint)
    return address


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
