"""The models on Spark against the oracle: the businesses that are made up, and the cases."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import duckdb
import pytest
from oracle.basics import Marts
from oracle.cases import CASES, Case
from oracle.comparison import KEYS as EVERY_MART
from oracle.comparison import PERSONAL, differences
from oracle.oracle import compute
from oracle.test_oracle import VARIANTS, Variant, expected
from warehouse import Row, comparable

from spark.raw_files import write_raw
from whop_elt.spark.build import transform_on_spark
from whop_elt.spark.home import Home

KEYS = [mart for mart in EVERY_MART if mart != "whop_comparison"]
"""The marts that are built on Spark: docs/scale.md says which are not."""

ALL = bool(os.environ.get("WHOP_ELT_SPARK_ALL"))
"""Whether every variant of the settings is built, and the models' unit tests are run."""

CHOSEN = VARIANTS if ALL else VARIANTS[:1]


def read(connection: duckdb.DuckDBPyConnection, mart: str) -> list[Row]:
    schema = "whop_personal" if mart in PERSONAL else "whop_marts"
    result = connection.sql(f"select * from {schema}.{mart}")
    names = result.columns
    table = result.to_arrow_table()
    columns = (column.to_pylist() for column in table.columns)
    return [
        {name: comparable(value, "") for name, value in zip(names, row, strict=True)}
        for row in zip(*columns, strict=True)
    ]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, every_business: dict[str, list[Row]]) -> Any:
    """The marts of a variant, built when they are first asked for."""
    import yaml

    @cache
    def build(variant: Variant) -> Marts:
        folder = tmp_path_factory.mktemp("spark")
        os.chdir(folder)  # dbt writes below
        left = {t: rows for t, rows in every_business.items() if t not in variant.without}
        write_raw(folder, left)
        home = Home(folder)
        # Models only: these businesses hold what data tests are to find.
        left_out = ["test"] if ALL else ["test", "unit_test"]
        transform_on_spark(home, yaml.safe_dump(variant.variables()), left_out=left_out)
        with home.connect() as connection:
            return {mart: read(connection, mart) for mart in KEYS}

    return build


@cache
def of_oracle(case: Case) -> Marts:
    return compute(case.dataset())


OF_CASES = {case.company_id for case in CASES}


@pytest.mark.parametrize("mart", KEYS)
@pytest.mark.parametrize("variant", CHOSEN, ids=lambda variant: variant.name)
def test_spark_agrees_with_the_oracle(built: Any, variant: Variant, mart: str) -> None:
    wanted = expected(variant.settings, variant.without)[mart]
    rows = [row for row in built(variant)[mart] if row["company_id"] not in OF_CASES]
    found = differences(mart, wanted, rows)
    assert wanted
    assert not found, "\n".join(found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}: {case.name}")
def test_spark_is_right_about_the_cases(built: Any, case: Case) -> None:
    case.check(case.own(built(VARIANTS[0])))


@pytest.mark.parametrize("mart", KEYS)
def test_spark_agrees_with_the_oracle_about_the_cases(built: Any, mart: str) -> None:
    wanted = [row for case in CASES for row in of_oracle(case)[mart]]
    rows = [row for row in built(VARIANTS[0])[mart] if row["company_id"] in OF_CASES]
    assert not differences(mart, wanted, rows)
