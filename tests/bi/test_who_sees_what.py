"""Roles: a client of an agency sees its own company, and drills into it; who may not, does not."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import httpx
import pytest
import yaml
from bi_warehouses import Warehouse
from playwright.sync_api import Browser, Page
from superset_browser import LAYOUTS, logged_in, opened, shown
from superset_server import ROOT, Superset

from whop_elt.bi.datasets import identifier

SHOTS = ROOT / ".whop-elt" / "bi"
CLIENT = "client"
ONLOOKER = "onlooker"
WITHOUT = {("can_samples", "Datasource"), ("can_drill", "Dashboard"), ("can_explore", "Superset")}
"""What docs/bi.md takes from a role that is to see no members."""
MEMBERS = {
    path.stem
    for path in (ROOT / "bi/superset/bundle/datasets/Whop").iterdir()
    if any(each["column_name"] == "member_id"
           for each in yaml.safe_load(path.read_text())["columns"])
}  # fmt: skip
"""The datasets with members."""
A_BAR = """canvas => {
    const all = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const at = (x, y) => [...all.data.slice(4 * (y * all.width + x), 4 * (y * all.width + x) + 3)];
    for (let x = Math.round(all.width * 0.6); x < all.width - 12; x += 3)
        for (let y = Math.round(all.height * 0.3); y < all.height * 0.9; y += 3) {
            const [first, last] = [at(x, y), at(x + 9, y + 9)];
            const coloured = Math.max(...first) - Math.min(...first) > 60;
            if (coloured && `${first}` == `${last}`) return {x: x + 5, y: y + 5};
        }
}"""
"""Where a chart that is drawn has a bar: a colour as wide and as high as nothing else is."""


@pytest.fixture(scope="module")
def roles(superset: Superset, warehouse: Warehouse) -> Superset:
    """Superset with two users more, made as docs/bi.md says: a client, and who sees no members."""
    mine, _ = warehouse.companies
    with closing(superset.client()) as client:
        every = superset.permissions(client)
        access = next(number for (what, on), number in every.items()
                      if what == "database_access" and on.startswith("[Whop]"))  # fmt: skip
        role = superset.new_role(client, f"Client of {mine}", [access])
        told = client.post("/api/v1/rowlevelsecurity/", json={
            "name": "Client", "filter_type": "Regular", "group_key": "company", "roles": [role],
            "tables": list(superset.ids("tables").values()), "clause": f"company_id = '{mine}'",
        })  # fmt: skip
        assert told.status_code == 201, told.text
        superset.new_user(client, CLIENT, "Gamma", role)

        gamma = superset.permissions(client, "Gamma")
        assert WITHOUT <= set(gamma)
        without_members = [
            number for (what, on), number in every.items()
            if what == "datasource_access" and on.startswith("[Whop].[")
            and on.split("[")[2].split("]")[0] not in MEMBERS
        ]  # fmt: skip
        assert len(without_members) == len(superset.ids("tables")) - len(MEMBERS)
        kept = [number for name, number in gamma.items() if name not in WITHOUT]
        onlooker = superset.new_role(client, "No members", [*kept, *without_members])
        superset.new_user(client, ONLOOKER, onlooker)
    return superset


def test_a_client_of_an_agency_sees_its_own_company_alone(
    roles: Superset, warehouse: Warehouse, browser: Browser
) -> None:
    mine, _ = warehouse.companies
    page = logged_in(browser, roles, 1440, CLIENT)
    found = opened(page, roles, "whop-overview", SHOTS / f"{warehouse.engine}-client.png")
    assert not found.wrong
    numbers = roles.ids("slices")

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

    # From a month to its members: the bar's rows, of the own company, and of no other.
    rows = _drilled(page, roles)
    assert rows
    month, kind = rows[0]["movement_date"], rows[0]["movement_type"]
    where = (
        f"movement_type = '{kind}' and date_trunc('month', movement_date) = "
        f"date_trunc('month', {_day(month)})"
    )
    members = warehouse.column(
        f"select member_id from whop_marts.mrr_movements where company_id = '{mine}' and {where}"
    )
    assert sorted(row["member_id"] for row in rows) == sorted(members)
    assert warehouse.number(f"select count(*) from whop_marts.mrr_movements where {where}") > len(
        members
    )
    page.context.close()


def _day(milliseconds: int) -> str:
    return f"timestamp '1970-01-01' + interval '{milliseconds // 1000} seconds'"


def _menu(page: Page, superset: Superset) -> list[str]:
    """Right-click a bar of the movements of MRR; return what can be chosen."""
    number = superset.ids("slices")[identifier("chart", "overview_movements").replace("-", "")]
    canvas = page.locator(f"[data-test-chart-id='{number}'] canvas").first
    canvas.click(button="right", position=canvas.evaluate(A_BAR))
    page.wait_for_timeout(1000)
    return page.locator(".ant-dropdown-menu-title-content").all_inner_texts()


def _drilled(page: Page, superset: Superset) -> list[dict[str, Any]]:
    """The rows behind a bar, as docs/bi.md says to see them."""
    assert "Drill to detail by" in _menu(page, superset)
    page.get_by_text("Drill to detail by", exact=True).hover()
    with page.expect_response("**/datasource/samples*") as told:
        page.get_by_text("Drill to detail by all").click()
    assert told.value.status == 200
    page.get_by_role("dialog").get_by_text("mem", exact=False).first.wait_for()
    rows: list[dict[str, Any]] = told.value.json()["result"]["data"]
    return rows


def test_who_may_see_no_members_is_shown_none_and_refused_when_asking(
    roles: Superset, warehouse: Warehouse, browser: Browser
) -> None:
    datasets = roles.ids("tables")

    def asked(client: httpx.Client, mart: str) -> dict[str, int]:
        number = datasets[identifier("dataset", mart).replace("-", "")]
        source = {"id": number, "type": "table"}
        query = {"columns": ["company_id"], "row_limit": 5}
        return {
            "samples": client.post(
                f"/datasource/samples?datasource_type=table&datasource_id={number}&per_page=5",
                json={},
            ).status_code,
            "chart": client.post(
                "/api/v1/chart/data",
                json={"datasource": source, "queries": [query], "result_type": "full"},
            ).status_code,
        }

    with closing(roles.client(ONLOOKER)) as client:
        for mart in sorted(MEMBERS):
            assert asked(client, mart) == {"samples": 403, "chart": 403}, mart
        assert asked(client, "metrics_monthly") == {"samples": 403, "chart": 200}
    with closing(roles.client(CLIENT)) as client:
        assert asked(client, "mrr_movements") == {"samples": 200, "chart": 200}
    if warehouse.engine != "duckdb":
        return
    page = logged_in(browser, roles, 1440, ONLOOKER)
    found = opened(page, roles, "whop-overview", SHOTS / "onlooker.png")
    numbers = {number: uuid for uuid, number in roles.ids("slices").items()}
    drawn = {
        key
        for key, given in LAYOUTS["whop-overview"]["charts"].items()
        if identifier("chart", key).replace("-", "") in {numbers[each] for each in found.answers}
    }
    assert drawn == {
        key
        for key, given in LAYOUTS["whop-overview"]["charts"].items()
        if given["mart"] not in MEMBERS
    }
    page.context.close()
