"""A business from Whop's API, synced into a folder, to marts on Spark; every data test passes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from bucket_line import BucketLine, folder_line
from warehouse import Warehouse

from spark.sameness import marts_of, not_the_same, rows_of
from whop_elt.bucket_models import models_home
from whop_elt.errors import ExitCode
from whop_elt.run import locked_destination
from whop_elt.spark.home import Home
from whop_simulator import Business, serve
from whop_source.bucket import compact

DATA_TESTS = 200
"""There are at least so many."""


DAYS = timedelta(days=3)


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
def on_duckdb(line: BucketLine) -> Warehouse:
    """The same folder's models, built in a DuckDB file."""
    with line.at_work(), locked_destination("filesystem") as bucket, models_home(bucket) as home:
        location = home.location
    warehouse = Warehouse("duckdb", location, work=line.folder / "dbt")
    warehouse.dbt("run")
    return warehouse


def test_the_command_builds_and_tests_all_of_it_and_it_is_as_on_duckdb(
    line: BucketLine, on_duckdb: Warehouse
) -> None:
    home = Path(line.warehouse.location)
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
        duckdb.connect(on_duckdb.location, read_only=True) as theirs,
    ):
        theirs.execute("set timezone = 'UTC'")
        assert marts_of(spark) == marts_of(theirs)
        for schema, mart in marts_of(theirs):
            rows = rows_of(theirs, schema, mart)
            assert not_the_same(rows, rows_of(spark, schema, mart)) == [], mart
