"""A business from Whop's API, synced into a folder, to marts on Spark; every data test passes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from bucket_line import BucketLine, folder_line
from warehouse import Warehouse

from spark.sameness import marts_of, not_the_same, rows_of
from whop_elt.analyses import analyses
from whop_elt.ask import ask
from whop_elt.bucket_models import models_home
from whop_elt.errors import ExitCode
from whop_elt.explain import explain_in, raw_rows
from whop_elt.plan_versions import SETTING as PLANS
from whop_elt.plan_versions import load as load_plans
from whop_elt.reading import SPARK, open_reader
from whop_elt.run import locked_destination
from whop_elt.spark.home import Home
from whop_simulator import Business, serve
from whop_source.bucket import compact

DATA_TESTS = 200
"""There are at least so many."""


DAYS = timedelta(days=3)
HOME = "WHOP_ELT_SPARK_HOME"


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> BucketLine:
    """A business that three runs have loaded into a folder, compacted after two of them.

    What a killed load and a killed compaction leave is there as well.
    """
    folder = tmp_path_factory.mktemp("business")
    with serve(Business(members=30, years=1)) as server:
        line = folder_line(server, folder, "home")
        assert line.sync().code == ExitCode.OK
        change(line)
        assert line.sync(full=True).code == ExitCode.OK
        replaced = folder / "replaced"
        shutil.copytree(line.dataset, replaced)
        with line.at_work(), locked_destination("filesystem") as bucket:
            client: Any = bucket.pipeline.destination_client()
            assert compact(client).versions > 0
        change(line)
        assert line.sync().code == ExitCode.OK
    # A compaction that was killed before it took away what it has replaced.
    shutil.copytree(replaced, line.dataset, dirs_exist_ok=True)
    leave_unended(line)
    return line


def change(line: BucketLine) -> None:
    """Three days later: new rows, changed ones, and of some tables one that Whop has no more."""
    line.server.advance(DAYS)
    for table in ("payments", "members", "plans"):
        line.business.remove(table, line.business.rows(table)[0]["id"])


def leave_unended(line: BucketLine) -> None:
    """Files of a load that was killed: one whole, and half of another."""
    for table, share in (("plan_states", 1), ("payments", 2)):
        newest = line.files(table)[-1]
        load = float(newest.name.rsplit(".", 2)[0]) + 60
        content = newest.read_bytes()
        newest.with_name(f"{load:.6f}.0123456789.parquet").write_bytes(
            content[: len(content) // share]
        )


@pytest.fixture(scope="module")
def plans(line: BucketLine) -> Path:
    """A file that says of a plan what it was before the first run."""
    plan = max(line.business.rows("plans"), key=lambda row: row["renewal_price"] or 0)
    file = line.folder / "plans.csv"
    file.write_text(
        "plan_id,valid_to,plan_type,billing_period_days,renewal_price,currency\n"
        f"{plan['id']},{plan['created_at'][:10]},renewal,30,12.50,usd\n",
        encoding="utf-8",
    )
    return file


@pytest.fixture(scope="module")
def on_duckdb(line: BucketLine, plans: Path) -> Warehouse:
    """The same folder's models, built in a DuckDB file."""
    with line.at_work(), locked_destination("filesystem") as bucket, models_home(bucket) as home:
        load_plans(home, plans)
        location = home.location
    warehouse = Warehouse("duckdb", location, work=line.folder / "dbt")
    warehouse.dbt("run")
    return warehouse


@dataclass(frozen=True)
class Built:
    """What the command has built, and what it said of it."""

    home: Home
    code: int
    said: str


@pytest.fixture(scope="module")
def built(line: BucketLine, plans: Path) -> Built:
    home = line.warehouse.location
    ended = subprocess.run(
        [Path(sys.executable).parent / "whop-elt", "transform", "--engine", "spark"],
        cwd=line.folder,
        env={**os.environ, HOME: home, PLANS: str(plans)},
        capture_output=True,
        text=True,
        check=False,
    )
    return Built(Home(Path(home)), ended.returncode, ended.stdout + ended.stderr)


def test_the_command_builds_and_tests_all_of_it_and_it_is_as_on_duckdb(
    built: Built, on_duckdb: Warehouse
) -> None:
    assert built.code == ExitCode.OK, built.said
    (count,) = re.findall(r"^(\d+) models and tests$", built.said, re.MULTILINE)
    assert int(count) > DATA_TESTS
    with (
        built.home.connect() as spark,
        duckdb.connect(on_duckdb.location, read_only=True) as theirs,
    ):
        theirs.execute("set timezone = 'UTC'")
        assert marts_of(spark) == marts_of(theirs)
        for schema, mart in marts_of(theirs):
            rows = rows_of(theirs, schema, mart)
            assert not_the_same(rows, rows_of(spark, schema, mart)) == [], mart
        given = theirs.sql("select count(*) from whop_marts.plan_history where source = 'given'")
        assert given.fetchall() == [(1,)]


def test_every_question_is_answered_from_it_as_from_duckdb(
    built: Built, line: BucketLine, on_duckdb: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME, str(built.home.folder))
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", on_duckdb.location)
    monkeypatch.chdir(line.folder)
    for name in analyses():
        found, wanted = (ask(each, name, contacts=True) for each in (SPARK, "duckdb"))
        assert found.columns == wanted.columns
        assert sorted(map(str, found.rows)) == sorted(map(str, wanted.rows)), name
    with open_reader(SPARK, raw=True) as spark, open_reader("duckdb") as theirs:
        (month,) = theirs.query("select max(month) from whop_marts.metrics_monthly")[1][0]
        ours, told = (explain_in(each, "gross", f"{month:%Y-%m}") for each in (spark, theirs))
        assert (ours.number, ours.made) == (told.number, told.made)
        assert raw_rows(spark, ours) == raw_rows(theirs, told)
