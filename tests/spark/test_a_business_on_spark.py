"""A business from Whop's API, synced into a folder, to marts on Spark; every test passes.

Spark goes on from what a build on DuckDB has left in the folder, and DuckDB from what Spark has.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import duckdb
import pytest
import yaml
from bucket_line import BucketLine, BucketWarehouse
from warehouse import DBT_PROJECT, Warehouse

from spark.sameness import rows_of, the_same_marts
from spark.synced import build_on_duckdb
from whop_elt.analyses import analyses
from whop_elt.ask import ask
from whop_elt.bucket_models import models_home
from whop_elt.explain import explain_in, raw_rows
from whop_elt.plan_versions import SETTING as PLANS
from whop_elt.plan_versions import load as load_plans
from whop_elt.reading import SPARK, open_reader
from whop_elt.run import locked_destination
from whop_elt.spark.build import transform_on_spark
from whop_elt.spark.home import Home
from whop_elt.version import VERSION

HOME = "WHOP_ELT_SPARK_HOME"

ALL = bool(os.environ.get("WHOP_ELT_SPARK_ALL"))
"""Whether the models' unit tests are run, which take longer than all else of the build."""


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
    """The same folder's models, built in a DuckDB file, before Spark has built them."""
    with line.at_work(), locked_destination("filesystem") as bucket, models_home(bucket) as home:
        load_plans(home, plans)
        location = home.location
    warehouse = Warehouse("duckdb", location, work=line.folder / "dbt")
    warehouse.dbt("run", variables={"release": VERSION})
    return warehouse


@dataclass(frozen=True)
class Built:
    """What was built, and how many of each kind of dbt's were run."""

    home: Home
    kinds: Counter[str]


@pytest.fixture(scope="module")
def built(line: BucketLine, plans: Path, on_duckdb: Warehouse) -> Built:
    """Every model and data test, with ALL=1 every unit test: one that fails is an error."""
    home = Home(Path(line.warehouse.location))
    told: list[str] = []
    with patch.dict(os.environ, {PLANS: str(plans)}), chdir(line.folder):
        transform_on_spark(
            home,
            progress=lambda what, *_: told.append(what),
            left_out=() if ALL else ("unit_test",),
        )
    return Built(home, Counter(what.split()[0] for what in told))


def test_every_test_passes_and_every_mart_is_as_on_duckdb(
    built: Built, on_duckdb: Warehouse
) -> None:
    unit_tests = [
        test
        for path in DBT_PROJECT.glob("models/**/_*_unit_tests.yml")
        for test in yaml.safe_load(path.read_text("utf-8"))["unit_tests"]
    ]
    assert len(unit_tests) > 50
    assert built.kinds["unit_test"] == (len(unit_tests) if ALL else 0)
    assert built.kinds["test"] > 180
    with (
        built.home.connect() as spark,
        duckdb.connect(on_duckdb.location, read_only=True) as theirs,
    ):
        the_same_marts(theirs, spark)
        # Of the months that the first build, on DuckDB, said otherwise.
        assert rows_of(spark, "whop_marts", "restatements")
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


def test_duckdb_goes_on_from_what_spark_remembers(
    built: Built, line: BucketLine, plans: Path, on_duckdb: Warehouse, tmp_path: Path
) -> None:
    elsewhere = {"reporting_timezone": "Asia/Tokyo"}
    never_left = Warehouse("duckdb", str(tmp_path / "duckdb.duckdb"), work=tmp_path / "dbt")
    shutil.copy(on_duckdb.location, never_left.location)
    never_left.dbt("run", variables={**elsewhere, "release": VERSION})

    folder = tmp_path / "home"
    shutil.copytree(built.home.folder, folder)
    work = tmp_path / "work"
    with patch.dict(os.environ, {PLANS: str(plans)}):
        after_spark = BucketWarehouse("filesystem", str(folder), work=work)
        build_on_duckdb(BucketLine(after_spark, line.server, work), yaml.safe_dump(elsewhere))
    with (
        duckdb.connect(never_left.location, read_only=True) as theirs,
        Home(folder).connect() as ours,
    ):
        the_same_marts(theirs, ours)
        causes = {row["cause"] for row in rows_of(ours, "whop_marts", "restatement_causes")}
    assert len(causes) > 1
