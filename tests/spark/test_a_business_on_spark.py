"""A business from Whop's API to marts on Spark; every data test runs, and passes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from loading import Line
from warehouse import Warehouse

from spark.sameness import marts_of, not_the_same, rows_of
from whop_elt.errors import ExitCode
from whop_elt.spark.home import Home
from whop_simulator import Business, serve

DATA_TESTS = 200
"""There are at least so many."""


def export(location: str, home: Path) -> None:
    """The raw tables of a warehouse as Parquet files, as docs/scale.md says."""
    with duckdb.connect(location, read_only=True) as connection:
        tables = connection.sql(
            "select table_name from information_schema.tables where table_schema = 'whop_raw' "
            "and table_name not like '\\_dlt%' escape '\\'"
        ).fetchall()
        for (table,) in tables:
            folder = home / "whop_raw" / table
            folder.mkdir(parents=True)
            connection.execute(f"copy whop_raw.{table} to '{folder}/1.parquet' (format parquet)")


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """A business that is loaded into DuckDB and built there, and exported."""
    folder = tmp_path_factory.mktemp("business")
    warehouse = Warehouse("duckdb", str(folder / "whop.duckdb"), work=folder / "dbt")
    with serve(Business(members=30, years=1)) as server:
        line = Line(warehouse, server, folder)
        assert line.sync().code == ExitCode.OK
    warehouse.dbt("run")
    export(warehouse.location, folder / "home")
    return line


def test_the_command_builds_and_tests_all_of_it_and_it_is_as_on_duckdb(line: Line) -> None:
    home = line.folder / "home"
    ended = subprocess.run(
        [Path(sys.executable).parent / "whop-elt", "transform", "--engine", "spark"],
        cwd=line.folder,
        env={**os.environ, "WHOP_ELT_SPARK_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == ExitCode.OK, ended.stdout + ended.stderr
    (built,) = re.findall(r"^(\d+) models and tests$", ended.stderr, re.MULTILINE)
    assert int(built) > DATA_TESTS
    with (
        Home(home).connect() as spark,
        duckdb.connect(line.warehouse.location, read_only=True) as theirs,
    ):
        theirs.execute("set timezone = 'UTC'")
        assert marts_of(spark) == marts_of(theirs)
        for schema, mart in marts_of(theirs):
            rows = rows_of(theirs, schema, mart)
            assert not_the_same(rows, rows_of(spark, schema, mart)) == [], mart
