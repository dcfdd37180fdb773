"""The dashboards in a real Superset and a real Chromium: imported, asked, opened, guarded.

Screenshots are left in .whop-elt/bi, to be looked at.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import yaml
from bi_warehouses import READER, Warehouse
from playwright.sync_api import Browser, Page, Response, sync_playwright
from superset_server import ADMIN, PASSWORD, ROOT, Superset

from whop_elt.bi.datasets import identifier
from whop_elt.bi.generate import BUNDLE, as_text, bundle
from whop_elt.bi.marts import read_marts

NUMBERS = yaml.safe_load((Path(__file__).parent / "numbers.yaml").read_text())
SHOTS = ROOT / ".whop-elt" / "bi"
LAYOUTS = {
    layout["slug"]: layout
    for path in sorted((ROOT / "bi/superset/layouts").glob("*.yaml"))
    for layout in [yaml.safe_load(path.read_text())]
}
THERE = {
    slug: {
        key: given
        for key, given in layout["charts"].items()
        if (BUNDLE / "charts" / f"{key}.yaml").exists()
    }
    for slug, layout in LAYOUTS.items()
}
"""The charts whose marts there are."""
WIDTHS = (1440, 1024)
AMOUNTS = ("_usd", "amount", "total", "difference", "balance")


@dataclass
class Opened:
    """What happened when a dashboard was opened."""

    answers: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def heard(self, response: Response) -> None:
        """Keep what the charts' queries gave."""
        if "/api/v1/chart/data" not in response.url:
            return
        if response.status != 200:
            self.wrong.append(f"{response.status} {response.text()[:500]}")
            return
        asked = response.request.post_data_json or {}
        number = asked.get("form_data", {}).get("slice_id")
        for result in response.json()["result"]:
            if result.get("error"):
                self.wrong.append(str(result["error"]))
            if number is not None:
                self.answers.setdefault(int(number), []).append(result)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome")
         if (found := shutil.which(name))), None
    )  # fmt: skip
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def logged_in(browser: Browser, superset: Superset, width: int, user: str = ADMIN) -> Page:
    page = browser.new_context(viewport={"width": width, "height": 1000}).new_page()
    # The machine may be busy with other things.
    page.set_default_timeout(120_000)
    page.goto(f"{superset.url}/login/")
    page.fill("input#username", user)
    page.fill("input#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_load_state("networkidle")
    return page


def opened(page: Page, superset: Superset, slug: str, shot: Path | None = None) -> Opened:
    """Open a dashboard, all of it in view, so that every chart is drawn."""
    found = Opened()
    page.on("response", found.heard)
    page.on("pageerror", lambda error: found.wrong.append(str(error)))
    page.goto(f"{superset.url}/superset/dashboard/{slug}/", wait_until="networkidle")
    page.wait_for_selector("[data-test=grid-content]")
    width = (page.viewport_size or {})["width"]
    rows = sum(row.get("height", 10) for row in LAYOUTS[slug]["rows"])
    page.set_viewport_size({"width": width, "height": rows * 8 + 700})
    page.wait_for_timeout(1000)
    page.wait_for_load_state("networkidle")
    page.wait_for_function("!document.querySelector('[data-test=loading-indicator]')")
    page.wait_for_timeout(1000)
    found.wrong += [each.inner_text()[:300] for each in page.query_selector_all(".ant-alert-error")]
    if shot is not None:
        shot.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=shot)
    page.context.close()
    return found


def shown(results: list[dict[str, Any]], given: dict[str, Any]) -> float:
    """What the metrics of a chart add up to over its rows; of a list, its amounts."""
    rows = results[0]["data"]
    if given["mart"] == "data_freshness":
        return len(rows)
    # A heatmap is given the rank of each value, too, for its colours.
    beside = {given.get("x"), *({given["by"], "rank"} if given["kind"] == "heatmap" else ())}
    columns = given.get("columns")
    amounts = {name for name in columns or () if name.endswith(AMOUNTS)}
    times = {"month", "date", "movement_date", "next_renewal_date"}
    return sum(
        float(value)
        for row in rows
        for name, value in row.items()
        if isinstance(value, int | float | str) and value not in (None, "")
        and (name in amounts if columns else name not in beside | times and _is_number(value))
    )  # fmt: skip


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


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
    found = opened(logged_in(browser, superset, width), superset, slug, shot)
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


def test_a_client_of_an_agency_sees_its_own_company_alone(
    superset: Superset, warehouse: Warehouse, browser: Browser
) -> None:
    mine, _ = warehouse.companies
    with closing(superset.client()) as client:
        told = client.post("/api/v1/security/roles/", json={"name": f"Client of {mine}"})
        role = told.json()["id"]
        # What docs/bi.md says to click: the role may read the database Whop, and nothing else.
        pages = [
            client.get(f"/api/v1/security/permissions-resources/?q=(page:{page},page_size:100)")
            for page in range(10)
        ]
        access = [
            each["id"]
            for page in pages
            for each in page.json()["result"]
            if each["permission"]["name"] == "database_access"
            and each["view_menu"]["name"].startswith("[Whop]")
        ]
        assert access
        told = client.post(
            f"/api/v1/security/roles/{role}/permissions",
            json={"permission_view_menu_ids": access},
        )
        assert told.status_code == 200, told.text
        told = client.post("/api/v1/rowlevelsecurity/", json={
            "name": "Client", "filter_type": "Regular", "group_key": "company", "roles": [role],
            "tables": list(superset.ids("tables").values()), "clause": f"company_id = '{mine}'",
        })  # fmt: skip
        assert told.status_code == 201, told.text
        roles = client.get("/api/v1/security/roles/?q=(page_size:100)").json()
        gamma = next(each["id"] for each in roles["result"] if each["name"] == "Gamma")
        told = client.post("/api/v1/security/users/", json={
            "first_name": "c", "last_name": "c", "username": "client", "email": "c@example.com",
            "active": True, "password": PASSWORD, "roles": [role, gamma],
        })  # fmt: skip
        assert told.status_code == 201, told.text
    page = logged_in(browser, superset, 1440, "client")
    found = opened(page, superset, "whop-overview", SHOTS / f"{warehouse.engine}-client.png")
    assert not found.wrong
    numbers = superset.ids("slices")

    def seen(key: str) -> float:
        number = numbers[identifier("chart", key).replace("-", "")]
        return shown(found.answers[number], LAYOUTS["whop-overview"]["charts"][key])

    for key, sql in {
        "overview_mrr": "select sum(mrr_end_usd) from whop_marts.mrr_monthly",
        "overview_net": "select sum(net_usd) from whop_marts.metrics_monthly",
        "overview_countries": "select sum(gross_usd) from whop_marts.metrics_monthly",
        "overview_freshness": "select count(*) from whop_marts.data_freshness",
    }.items():
        both = warehouse.number(sql)
        own = warehouse.number(f"{sql} where company_id = '{mine}'")
        assert seen(key) == pytest.approx(own, rel=1e-9), key
        assert own < both


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
