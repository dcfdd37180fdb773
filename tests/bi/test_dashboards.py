"""The dashboards in a real Superset and a real Chromium: imported, asked, opened, guarded.

Screenshots are left in .whop-elt/bi, to be looked at.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
import yaml
from bi_warehouses import READER, Warehouse
from playwright.sync_api import Browser
from superset_browser import LAYOUTS, THERE, logged_in, opened, shown
from superset_server import ROOT, Superset

from whop_elt.bi.datasets import identifier
from whop_elt.bi.generate import BUNDLE, as_text, bundle
from whop_elt.bi.marts import read_marts

NUMBERS = yaml.safe_load((Path(__file__).parent / "numbers.yaml").read_text())
SHOTS = ROOT / ".whop-elt" / "bi"
WIDTHS = (1440, 1024)


def test_every_chart_has_a_number_to_be_compared_with() -> None:
    charts = {key for layout in LAYOUTS.values() for key in layout["charts"]}
    assert charts == set(NUMBERS)


def test_every_chart_asks_a_question_says_what_it_is_and_is_placed_once() -> None:
    for layout in LAYOUTS.values():
        placed = [key for row in layout["rows"] for key in row.get("charts", {})]
        assert sorted(placed) == sorted(layout["charts"])
        for key, given in layout["charts"].items():
            assert given["title"].endswith("?"), key
            assert len(given["description"]) > 40, key


def test_the_files_are_what_the_marts_and_the_layouts_make(
    warehouses: dict[str, Warehouse],
) -> None:
    made = bundle(read_marts(Path(warehouses["duckdb"].address)))
    there = {str(path.relative_to(BUNDLE)): path.read_text() for path in BUNDLE.rglob("*.yaml")}
    assert {name: as_text(content) for name, content in made.items()} == there, (
        "a mart or a layout has changed: make bi"
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("slug", LAYOUTS)
def test_each_dashboard_opens_without_an_error_and_shows_the_numbers_of_the_marts(
    superset: Superset, warehouse: Warehouse, browser: Browser, slug: str, width: int
) -> None:
    if width != WIDTHS[0] and warehouse.engine != "duckdb":
        pytest.skip("the small screen is the same on both")
    shot = SHOTS / f"{warehouse.engine}-{slug}-{width}.png"
    page = logged_in(browser, superset, width)
    found = opened(page, superset, slug, shot)
    page.context.close()
    assert not found.wrong
    numbers = superset.ids("slices")
    wrong = {}
    for key, given in THERE[slug].items():
        results = found.answers.get(numbers[identifier("chart", key).replace("-", "")])
        assert results, f"{key} was not drawn"
        is_, should = shown(results, given), warehouse.number(NUMBERS[key])
        if is_ != pytest.approx(should, rel=1e-9, abs=1e-6):
            wrong[key] = (is_, should)
    assert not wrong


def test_imported_twice_is_once(superset: Superset, warehouse: Warehouse) -> None:
    tables = ("dbs", "tables", "sql_metrics", "table_columns", "slices", "dashboards",
              "dashboard_slices")  # fmt: skip
    before = {table: superset.rows(table) for table in tables}
    superset.command("import-directory", str(warehouse.folder / "bundle"), "--overwrite")
    assert {table: superset.rows(table) for table in tables} == before
    assert before["dashboards"] == len(LAYOUTS)


def test_who_reads_by_superset_sees_the_marts_and_nothing_else(
    superset: Superset, warehouse: Warehouse
) -> None:
    with closing(superset.client()) as client:
        status, rows = superset.ask(client, "select count(*) as n from whop_marts.dim_members")
        assert status == 200 and rows[0]["n"] > 0, rows
        forbidden = [
            "select * from whop_raw.payments",
            "select * from whop_personal.member_contacts",
            "select * from whop_staging.stg_whop__members",
            "create table whop_marts.mine (a int)",
            "delete from whop_marts.dim_plans",
        ]
        if warehouse.engine == "duckdb":
            forbidden.append("select * from read_text('/etc/hostname')")
        else:
            forbidden.append("select pg_read_file('/etc/hostname')")
        for sql in forbidden:
            status, told = superset.ask(client, sql)
            assert status >= 400, (sql, told)
    if warehouse.engine == "postgres":
        reads = dict(item for item in [warehouse.option])["--postgres"]
        with psycopg2.connect(reads) as connection, connection.cursor() as cursor:
            cursor.execute(
                "select table_schema, table_name from information_schema.tables "
                "where table_schema not in ('pg_catalog', 'information_schema')"
            )
            seen = set(cursor.fetchall())
        with psycopg2.connect(warehouse.address) as connection, connection.cursor() as cursor:
            cursor.execute("select 'whop_marts', tablename from pg_tables "
                           "where schemaname = 'whop_marts'")  # fmt: skip
            assert seen == set(cursor.fetchall()), READER


def test_dbt_knows_every_dashboard_and_what_it_reads() -> None:
    exposures = yaml.safe_load((ROOT / "dbt/models/marts/_exposures.yml").read_text())["exposures"]
    told = {
        each["name"]: {ref.split("'")[1] for ref in each["depends_on"]}
        for each in exposures if each["name"].startswith("superset_")
    }  # fmt: skip
    assert told == {
        layout["slug"].replace("whop-", "superset_"): {
            given["mart"] for given in THERE[slug].values()
        }
        for slug, layout in LAYOUTS.items()
    }


@pytest.mark.parametrize(
    ("source", "column", "of_the_mart"),
    [
        ("mrr", "churn_usd", "select sum(churn_usd) from whop_marts.mrr_monthly"),
        ("mrr", "mrr_usd", "select sum(mrr_end_usd) from whop_marts.mrr_monthly"),
        ("revenue", "net_usd", "select sum(net_usd) from whop_marts.metrics_monthly"),
    ],
)
def test_the_queries_of_evidence_give_the_numbers_of_the_marts(
    warehouse: Warehouse, source: str, column: str, of_the_mart: str
) -> None:
    query = (ROOT / f"bi/evidence/sources/whop/{source}.sql").read_text()
    asked = warehouse.number(f"select sum({column}) from ({query}) as source")
    assert asked == pytest.approx(warehouse.number(of_the_mart), rel=1e-9)
    assert asked
