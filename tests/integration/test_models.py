"""The dbt project on a warehouse that a sync has filled: built, tested, described, and asked."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from loading import Line
from warehouse import DBT_PROJECT, Warehouse

from sources.whop_simulator import Business, serve

if TYPE_CHECKING:
    from conftest import FirstLoad, NewWarehouse

MARTS = sorted(path.stem for path in (DBT_PROJECT / "models/marts").glob("*.sql"))
ANALYSES = sorted(path.stem for path in (DBT_PROJECT / "analyses").glob("*.sql"))


@pytest.fixture(scope="module")
def built(
    first_load: FirstLoad, new_location: NewWarehouse, tmp_path_factory: pytest.TempPathFactory
) -> Warehouse:
    """Every model built, and every unit and data test of them run, without a warning."""
    original = first_load.line.warehouse
    location = new_location(original.engine, original.location)
    warehouse = Warehouse(original.engine, location, work=tmp_path_factory.mktemp("built"))
    assert_clean(warehouse.dbt("build").stdout)
    assert_clean(warehouse.dbt("docs generate").stdout)
    return warehouse


def assert_clean(output: str) -> None:
    """No warning, no failure and nothing skipped."""
    assert "WARN=0 ERROR=0 SKIP=0" in output or "Catalog written" in output, output[-3000:]
    assert "deprecat" not in output.lower()
    assert "[WARNING]" not in output


@pytest.fixture(scope="module")
def artefacts(built: Warehouse) -> dict[str, Any]:
    return {
        name: json.loads((built.work / "target" / f"{name}.json").read_text())
        for name in ("manifest", "catalog")
    }


def test_every_unit_and_data_test_ran(built: Warehouse, artefacts: dict[str, Any]) -> None:
    manifest = artefacts["manifest"]
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    assert len(tests) > 100
    assert len(manifest["unit_tests"]) > 20


@pytest.mark.parametrize("mart", MARTS)
def test_every_column_of_a_mart_is_described(artefacts: dict[str, Any], mart: str) -> None:
    key = f"model.whop_elt.{mart}"
    node = artefacts["manifest"]["nodes"][key]
    there = {name.lower() for name in artefacts["catalog"]["nodes"][key]["columns"]}
    described = {name for name, column in node["columns"].items() if column["description"].strip()}
    assert there == described
    assert "one row per" in node["description"].lower()


def test_descriptions_are_comments_in_the_database(built: Warehouse) -> None:
    comments = {
        "duckdb": "select comment from duckdb_columns() where table_name = 'mrr_monthly'",
        "postgres": "select col_description(attrelid, attnum) as comment from pg_attribute "
        "where attrelid = 'whop_marts.mrr_monthly'::regclass and attnum > 0",
    }
    found = [row["comment"] for row in built.query(comments[built.engine])]
    assert len(found) > 10
    assert all(found)


@pytest.mark.parametrize("analysis", ANALYSES)
def test_an_analysis_answers(built: Warehouse, artefacts: dict[str, Any], analysis: str) -> None:
    compiled = built.work / "target/compiled/whop_elt/analyses" / f"{analysis}.sql"
    rows = built.query(compiled.read_text())
    assert rows
    assert all(rows[0]), "a column has no name"
    figures = [
        value
        for row in rows
        for value in row.values()
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    ]
    assert any(figures), "no figure but 0 and null"
    lost = [row["mrr_lost_usd"] for row in rows if "mrr_lost_usd" in row]
    assert all(value >= 0 for value in lost)
    percents = [value for row in rows for name, value in row.items() if name.startswith("percent_")]
    assert all(value is None or 0 <= value <= 100 for value in percents)


def test_there_are_ten_analyses() -> None:
    assert len(ANALYSES) == 10


def test_an_account_without_rows_builds(empty: Line) -> None:
    business = Business.empty(company_id=empty.business.company_id)
    with serve(business) as server:
        assert empty.sync(server).code == 0
    assert_clean(empty.warehouse.dbt("build").stdout)
    assert empty.warehouse.read("mrr_monthly") == []
