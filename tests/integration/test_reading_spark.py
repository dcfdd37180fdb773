"""`ask`, `explain` and `report` answer of a build of Spark's what they answer of DuckDB's marts.

The build is written here, from DuckDB's marts: that Spark's own are equal to them is tests/spark.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from bucket_line import BucketLine, folder_line, held
from conftest import new_business
from explained_alike import explains_alike
from warehouse import Warehouse

from whop_elt.analyses import analyses
from whop_elt.ask import ask
from whop_elt.bucket_models import models_home
from whop_elt.destination import DATASET, MARTS, PERSONAL
from whop_elt.errors import ExitCode, NothingThere, PipelineError, SettingError
from whop_elt.reading import SPARK, open_reader
from whop_elt.run import locked_destination
from whop_elt.spark.home import Home
from whop_simulator import serve


@pytest.fixture(scope="module")
def spark_line(tmp_path_factory: pytest.TempPathFactory) -> BucketLine:
    """A folder that two runs have loaded, with its marts in a DuckDB file and in a build."""
    with serve(new_business()) as server:
        line = folder_line(server, tmp_path_factory.mktemp("read"), "home")
        assert line.sync().code is ExitCode.OK
        server.advance(timedelta(days=3))
        line.business.remove("payments", line.business.rows("payments")[0]["id"])
        assert line.sync(full=True).code is ExitCode.OK
    with line.at_work(), locked_destination("filesystem") as bucket, models_home(bucket) as models:
        location = models.location
    Warehouse("duckdb", location, work=line.folder / "dbt").dbt("run")
    home = Home(Path(line.warehouse.location))
    with home.new_build() as build, duckdb.connect(location, read_only=True) as connection:
        marts = connection.sql(
            "select schema_name, table_name from duckdb_tables() "
            f"where schema_name in ('{MARTS}', '{PERSONAL}')"
        ).fetchall()
        for schema, mart in marts:
            folder = build / f"{schema}.db" / mart
            folder.mkdir(parents=True)
            connection.execute(f"copy {schema}.{mart} to '{folder}/part-0.parquet'")
        home.publish(build)
    return line


@pytest.fixture
def line(spark_line: BucketLine, monkeypatch: pytest.MonkeyPatch) -> Iterator[BucketLine]:
    monkeypatch.setenv("WHOP_ELT_SPARK_HOME", spark_line.warehouse.location)
    with spark_line.at_work():
        yield spark_line


@pytest.mark.parametrize("contacts", [False, True])
@pytest.mark.usefixtures("line")
def test_every_question_is_answered_as_on_duckdb(contacts: bool) -> None:
    answered = 0
    for name in analyses():
        found, wanted = (ask(each, name, contacts=contacts) for each in (SPARK, "duckdb"))
        assert (found.columns, found.rows) == (wanted.columns, wanted.rows), name
        answered += bool(found.rows)
    assert answered > 15


def test_a_number_is_explained_down_to_the_newest_raw_rows(line: BucketLine) -> None:
    with open_reader(SPARK, raw=True) as spark, open_reader("duckdb") as database:
        explains_alike(spark, database)
    by_hand = held(line, "payments")["payments"]
    with open_reader(SPARK, raw=True) as spark:
        ids = spark.query(f"select id from {DATASET}.payments order by id")[1]
    assert [identity for (identity,) in ids] == sorted(row["id"] for row in by_hand)


def test_the_commands_read_it_and_write_nothing_there(line: BucketLine, tmp_path: Path) -> None:
    files = sorted(Path(line.warehouse.location).rglob("*"))

    def said(*arguments: str) -> str:
        ran = subprocess.run(
            [sys.executable, "-m", "whop_elt.cli", *arguments, "--engine", "spark"],
            # As where a folder is what is synced into.
            env={**os.environ, "WHOP_ELT_DESTINATION": "filesystem"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == ExitCode.OK, ran.stderr
        return ran.stdout

    assert "MRR" in said("explain", "mrr", f"{line.business.clock:%Y-%m}")
    assert "company_id" in said("ask", "the-month-in-numbers", "--csv")
    shown = said("report")
    assert "payments" in shown  # with the rows of each raw table
    assert (tmp_path / "whop-report.html").stat().st_size > 10_000
    assert [path.name for path in tmp_path.iterdir()] == ["whop-report.html"]
    assert sorted(Path(line.warehouse.location).rglob("*")) == files


@pytest.mark.parametrize(
    "sql",
    [
        "select * from '/etc/passwd'",
        "select * from read_text('/etc/passwd')",
        "copy (select 1) to '/tmp/out.csv'",
        "attach 'whop.duckdb' as other",
        "set enable_external_access = true",
        f"drop view {MARTS}.mrr_daily",
    ],
)
@pytest.mark.usefixtures("line")
def test_nothing_else_is_reached_by_way_of_it(sql: str) -> None:
    with open_reader(SPARK) as spark, pytest.raises(PipelineError):
        spark.query(sql)


@pytest.mark.usefixtures("line")
def test_who_is_to_have_the_marts_alone_is_refused() -> None:
    with (
        pytest.raises(SettingError, match="not on --engine spark"),
        open_reader(SPARK, marts_alone=True),
    ):
        pass


def test_a_raw_file_that_counts_and_is_damaged_is_one_line(
    line: BucketLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "o'clock"
    shutil.copytree(line.warehouse.location, home)
    monkeypatch.setenv("WHOP_ELT_SPARK_HOME", str(home))
    with open_reader(SPARK, raw=True) as spark:
        assert spark.query(f"select count(*) from {MARTS}.mrr_daily")[1][0][0] > 0
    file = max((home / DATASET / "payments").iterdir())
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(PipelineError) as ended, open_reader(SPARK, raw=True):
        pass
    assert "\n" not in str(ended.value)
    assert file.name in str(ended.value)


def test_before_the_first_build_the_line_says_what_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHOP_ELT_SPARK_HOME", str(tmp_path))
    with pytest.raises(NothingThere, match="transform --engine spark"), open_reader(SPARK):
        pass
