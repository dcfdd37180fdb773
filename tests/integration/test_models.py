"""The dbt project on a warehouse that a sync has filled: built, tested, described, and asked."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from loading import Line, assert_clean
from warehouse import DBT_PROJECT

from whop_simulator import Business, serve

MARTS = sorted(path.stem for path in (DBT_PROJECT / "models/marts").glob("*.sql"))
ANALYSES = sorted(path.stem for path in (DBT_PROJECT / "analyses").glob("*.sql"))


@pytest.fixture(scope="module")
def artefacts(built: Line) -> dict[str, Any]:
    """What dbt writes of the project for other programs."""
    assert_clean(built.warehouse.dbt("docs generate").stdout)
    return {
        name: json.loads((built.folder / "target" / f"{name}.json").read_text())
        for name in ("manifest", "catalog")
    }


def test_there_are_data_tests(artefacts: dict[str, Any]) -> None:
    """Those that the fixture has run."""
    nodes = artefacts["manifest"]["nodes"].values()
    assert sum(node["resource_type"] == "test" for node in nodes) > 100


def test_every_unit_test_passes(built: Line, artefacts: dict[str, Any]) -> None:
    said = built.warehouse.dbt("test", "--select", "test_type:unit").stdout
    assert_clean(said)
    assert len(artefacts["manifest"]["unit_tests"]) > 20
    assert f"TOTAL={len(artefacts['manifest']['unit_tests'])}" in said


@pytest.mark.parametrize("mart", MARTS)
def test_every_column_of_a_mart_is_described(artefacts: dict[str, Any], mart: str) -> None:
    key = f"model.whop_elt.{mart}"
    node = artefacts["manifest"]["nodes"][key]
    there = {name.lower() for name in artefacts["catalog"]["nodes"][key]["columns"]}
    described = {name for name, column in node["columns"].items() if column["description"].strip()}
    assert there == described
    assert "one row per" in node["description"].lower()


@pytest.mark.parametrize("mart", [*MARTS, "member_contacts"])
def test_names_and_types_of_a_mart_are_a_contract(artefacts: dict[str, Any], mart: str) -> None:
    node = artefacts["manifest"]["nodes"][f"model.whop_elt.{mart}"]
    assert node["contract"]["enforced"]
    assert all(column["data_type"] for column in node["columns"].values())


COMMENTS = {
    "duckdb": (
        "select table_name, comment from duckdb_tables() where schema_name = 'whop_marts'",
        "select table_name, column_name, comment from duckdb_columns() "
        "where schema_name = 'whop_marts'",
    ),
    "postgres": (
        "select relname as table_name, obj_description(oid, 'pg_class') as comment "
        "from pg_class where relnamespace = 'whop_marts'::regnamespace and relkind = 'r'",
        "select relname as table_name, attname as column_name, "
        "col_description(attrelid, attnum) as comment "
        "from pg_attribute join pg_class on pg_class.oid = attrelid "
        "where relnamespace = 'whop_marts'::regnamespace and relkind = 'r' and attnum > 0",
    ),
}
"""What the database itself says of each table, and of each column."""


def test_descriptions_are_comments_in_the_database(built: Line, artefacts: dict[str, Any]) -> None:
    of_tables, of_columns = (built.warehouse.query(sql) for sql in COMMENTS[built.warehouse.engine])
    nodes = {mart: artefacts["manifest"]["nodes"][f"model.whop_elt.{mart}"] for mart in MARTS}
    assert {row["table_name"]: row["comment"] for row in of_tables} == {
        mart: node["description"] for mart, node in nodes.items()
    }
    found = {(row["table_name"], row["column_name"]): row["comment"] for row in of_columns}
    assert len(found) > 200
    assert found == {
        (mart, name): column["description"]
        for mart, node in nodes.items()
        for name, column in node["columns"].items()
    }
    assert all(found.values())


@pytest.mark.parametrize("analysis", ANALYSES)
def test_an_analysis_answers(built: Line, artefacts: dict[str, Any], analysis: str) -> None:
    compiled = built.folder / "target/compiled/whop_elt/analyses" / f"{analysis}.sql"
    rows = built.warehouse.query(compiled.read_text())
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


def test_an_account_without_rows_builds(empty: Line) -> None:
    business = Business.empty(company_id=empty.business.company_id)
    with serve(business) as server:
        assert empty.sync(server).code == 0
    assert_clean(empty.warehouse.dbt("build").stdout)
    assert empty.warehouse.read("mrr_monthly") == []


def test_a_table_that_cannot_be_built_stays_as_it_was(built: Line) -> None:
    """On DuckDB it is dropped and made within one transaction, on Postgres rows are replaced."""
    counted = "select count(*) as rows from whop_intermediate.int_period_ends"
    before = built.warehouse.query(counted)
    assert before[0]["rows"]
    failed = built.warehouse.dbt(
        "run --select int_period_ends",
        variables={"grace_days": "no_such_column"},
        check=False,
    )
    assert failed.returncode == 1
    assert "no_such_column" in failed.stdout
    assert built.warehouse.query(counted) == before
