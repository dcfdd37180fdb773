"""The models on Spark: digit by digit as on DuckDB, and right as the oracle and the cases say.

On a server, whose metastore has the raw tables; with ALL=1 in a folder of this machine as well, and
there with every set of settings. The raw tables are loaded twice, as a folder is loaded: rows are
added, and of a row the newest version counts. What the second load says otherwise of closed months
is what is restated.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Literal
from unittest.mock import patch

import duckdb
import pytest
import yaml
from oracle.basics import Marts
from oracle.cases import CASES, Case
from oracle.comparison import KEYS, PERSONAL, differences
from oracle.oracle import compute
from oracle.test_oracle import VARIANTS, Variant, expected
from warehouse import Row, duckdb_warehouse

from spark.on_server import fetched, know_files
from spark.raw_files import write_raw
from spark.sameness import marts_of, not_the_same, rows_of
from whop_elt.analyses import analyses
from whop_elt.ask import ask
from whop_elt.errors import PipelineError
from whop_elt.reading import SPARK, open_reader
from whop_elt.spark.build import transform_on_spark
from whop_elt.spark.cluster import transform_on_server
from whop_elt.spark.home import Home
from whop_elt.spark.settings import SparkServer

ALL = bool(os.environ.get("WHOP_ELT_SPARK_ALL"))
"""Whether a folder is built in as well, with every variant of the settings."""


@dataclass(frozen=True)
class Way:
    """Where the models are built, and with which settings."""

    place: Literal["server", "folder"]
    variant: Variant = VARIANTS[0]

    def __str__(self) -> str:
        return f"{self.place}-{self.variant.name}"


ON_SERVER = Way("server")
WAYS = [ON_SERVER, *(Way("folder", variant) for variant in VARIANTS if ALL)]
TWICE = [way for way in WAYS if way.variant == VARIANTS[0]]
"""Those whose raw tables are loaded twice, and built each time."""

RAW = "shop_raw"
"""Schema of the raw tables on the server."""

LOGS = ("sync_runs", "membership_states", "plan_states", "given_plan_versions")
"""Tables whose rows are said once."""

Tables = dict[str, list[Row]]


ARRIVED_LATER = {"payments": 5, "refunds": 3}
"""Table and one of how many of its rows the first load did not have yet."""


def as_loaded_before(tables: Tables) -> Tables:
    """What a sync read ten weeks earlier."""
    return {
        table: [
            {**row, "_whop_synced_at": row["_whop_synced_at"] - timedelta(weeks=10)}
            for place, row in enumerate(rows, start=1)
            if table not in ARRIVED_LATER or place % ARRIVED_LATER[table]
        ]
        for table, rows in tables.items()
        if table not in LOGS
    }


@dataclass(frozen=True)
class Built:
    """The marts of a variant on both engines."""

    spark: duckdb.DuckDBPyConnection
    duckdb: duckdb.DuckDBPyConnection
    location: str
    """Of the DuckDB file."""

    @cache  # noqa: B019  # as long as the module's tests
    def on_spark(self, mart: str) -> list[Row]:
        return rows_of(self.spark, "whop_personal" if mart in PERSONAL else "whop_marts", mart)


Build = Callable[[Way], Built]


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory,
    every_business: Tables,
    request: pytest.FixtureRequest,
) -> Build:
    """The marts of a way, built when they are first asked for, twice where months moved."""

    @cache
    def build(way: Way) -> Built:
        folder = tmp_path_factory.mktemp("spark")
        variant = way.variant
        now = {t: rows for t, rows in every_business.items() if t not in variant.without}
        loads = [as_loaded_before(now), now] if way in TWICE else [now]
        warehouse = duckdb_warehouse(folder / "whop.duckdb", work=folder / "duckdb")
        given = yaml.safe_dump(variant.variables())
        on_spark = (
            OnServer(folder, request.getfixturevalue("server"))
            if way.place == "server"
            else InFolder(folder)
        )
        for number, tables in enumerate(loads):
            write_raw(folder, tables, str(number))
            warehouse.load(tables)
            warehouse.dbt("run", variables=variant.variables())
            with chdir(folder):  # dbt writes below
                on_spark.build(given)
        theirs = duckdb.connect(warehouse.location, read_only=True)
        theirs.execute("set timezone = 'UTC'")
        return Built(on_spark.connect(), theirs, warehouse.location)

    return build


MODELS_ALONE = ["test", "unit_test"]
"""What is left out: these businesses hold what data tests are to find."""


@dataclass(frozen=True)
class InFolder:
    """Spark on this machine, on the files of a folder."""

    folder: Path

    def build(self, given: str) -> None:
        transform_on_spark(Home(self.folder), given, left_out=MODELS_ALONE)

    def connect(self) -> duckdb.DuckDBPyConnection:
        return Home(self.folder).connect()


@dataclass(frozen=True)
class OnServer:
    """A server, that knows the same files as tables of its metastore."""

    folder: Path
    server: SparkServer

    def build(self, given: str) -> None:
        know_files(self.server, self.folder, RAW)
        with patch.dict(os.environ, {"WHOP_ELT_RAW_SCHEMA": RAW}):
            transform_on_server(self.server, given, left_out=MODELS_ALONE)

    def connect(self) -> duckdb.DuckDBPyConnection:
        return fetched(self.server)


def test_every_question_is_answered_by_the_server_as_by_duckdb(
    built: Build, server: SparkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A copy, as a reader locks what it opens, and this process has the file itself open.
    copy = shutil.copyfile(built(ON_SERVER).location, tmp_path / "whop.duckdb")
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(copy))
    for name in ("method", "host", "port", "user"):
        monkeypatch.setenv(f"WHOP_ELT_SPARK_{name.upper()}", str(getattr(server, name)))
    for name in analyses():
        found, wanted = (ask(each, name, contacts=True) for each in (SPARK, "duckdb"))
        assert found.columns == wanted.columns
        assert sorted(map(str, found.rows)) == sorted(map(str, wanted.rows)), name
    with open_reader(SPARK) as spark, pytest.raises(PipelineError, match="ask them there"):
        spark.query("select count(*) from whop_raw.payments")


@cache
def of_oracle(case: Case) -> Marts:
    return compute(case.dataset())


OF_CASES = {case.company_id for case in CASES}


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_every_mart_is_that_of_duckdb_digit_by_digit(built: Build, way: Way) -> None:
    both = built(way)
    marts = marts_of(both.duckdb)
    assert marts == marts_of(both.spark)
    assert len(marts) > len(KEYS)
    found = {
        mart: not_the_same(rows_of(both.duckdb, schema, mart), rows_of(both.spark, schema, mart))
        for schema, mart in marts
    }
    assert not any(found.values()), "\n".join(
        f"{mart}: {line}" for mart, lines in found.items() for line in lines
    )


@pytest.mark.parametrize("way", TWICE, ids=str)
def test_closed_months_moved_between_the_builds(built: Build, way: Way) -> None:
    both = built(way)
    assert len(both.on_spark("restatements")) > 100
    assert {row["cause"] for row in both.on_spark("restatement_causes")} > {"row_arrived_late"}


@pytest.mark.parametrize("mart", KEYS)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_spark_agrees_with_the_oracle(built: Build, way: Way, mart: str) -> None:
    wanted = expected(way.variant.settings, way.variant.without)[mart]
    rows = [row for row in built(way).on_spark(mart) if row["company_id"] not in OF_CASES]
    found = differences(mart, wanted, rows)
    assert wanted
    assert not found, "\n".join(found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}: {case.name}")
def test_spark_is_right_about_the_cases(built: Build, case: Case) -> None:
    marts = {mart: built(ON_SERVER).on_spark(mart) for mart in KEYS}
    case.check(case.own(marts))


@pytest.mark.parametrize("mart", KEYS)
def test_spark_agrees_with_the_oracle_about_the_cases(built: Build, mart: str) -> None:
    wanted = [row for case in CASES for row in of_oracle(case)[mart]]
    rows = [row for row in built(ON_SERVER).on_spark(mart) if row["company_id"] in OF_CASES]
    assert not differences(mart, wanted, rows)
