"""Roles: a client of an agency sees its own company, and drills into it; who may not, does not."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
import yaml
from bi_warehouses import Warehouse
from playwright.sync_api import Browser, Page
from superset_browser import LAYOUTS, logged_in, opened, shown
from superset_server import ROOT, Superset

from whop_elt.bi.datasets import identifier

SHOTS = ROOT / ".whop-elt" / "bi"
DRILLS = ("can_samples", "Datasource")
"""What somebody needs to see the rows behind a chart; Gamma has not got it."""
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
    """Superset with three users more, made as docs/bi.md says.

    `client` sees one company, and may drill; `reader` sees every chart, and may not; `onlooker`
    sees no chart of members.
    """
    mine, _ = warehouse.companies
    with closing(superset.client()) as client:
        every = superset.permissions(client)
        assert DRILLS not in superset.permissions(client, "Gamma")
        access = next(number for (what, on), number in every.items()
                      if what == "database_access" and on.startswith("[Whop]"))  # fmt: skip
        role = superset.new_role(client, "Client A", [access, every[DRILLS]])
        told = client.post("/api/v1/rowlevelsecurity/", json={
            "name": "Client", "filter_type": "Regular", "group_key": "company", "roles": [role],
            "tables": list(superset.ids("tables").values()), "clause": f"company_id = '{mine}'",
        })  # fmt: skip
        assert told.status_code == 201, told.text
        superset.new_user(client, "client", "Gamma", role)
        superset.new_user(client, "reader", "Gamma", superset.new_role(client, "All", [access]))
        of_nobody = [
            number for (what, on), number in every.items()
            if what == "datasource_access" and on.startswith("[Whop].[")
            and on.split("[")[2].split("]")[0] not in MEMBERS
        ]  # fmt: skip
        assert len(of_nobody) == len(superset.ids("tables")) - len(MEMBERS)
        onlooker = superset.new_role(client, "No members", [*of_nobody, every[DRILLS]])
        superset.new_user(client, "onlooker", "Gamma", onlooker)
    return superset


def test_a_client_of_an_agency_sees_its_own_company_alone(
    roles: Superset, warehouse: Warehouse, browser: Browser
) -> None:
    mine, _ = warehouse.companies
    page = logged_in(browser, roles, 1440, "client")
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
    assert told.value.status == 200, told.value.text()
    page.get_by_role("dialog").get_by_text("mem", exact=False).first.wait_for()
    rows: list[dict[str, Any]] = told.value.json()["result"]["data"]
    return rows


def _asked(superset: Superset, page: Page, mart: str) -> dict[str, int]:
    """What Superset answers to who asks for a dataset's rows, and for a chart of it."""
    number = superset.ids("tables")[identifier("dataset", mart).replace("-", "")]
    token = page.request.get(f"{superset.url}/api/v1/security/csrf_token/").json()["result"]
    asks = {
        "rows": (f"/datasource/samples?datasource_type=table&datasource_id={number}", {}),
        "chart": ("/api/v1/chart/data", {
            "datasource": {"id": number, "type": "table"},
            "queries": [{"columns": ["company_id"], "row_limit": 5}],
        }),
    }  # fmt: skip
    return {
        name: page.request.post(
            superset.url + path, data=body,
            headers={"X-CSRFToken": token, "Referer": superset.url, "Accept": "application/json"},
        ).status
        for name, (path, body) in asks.items()
    }  # fmt: skip


def test_who_may_not_drill_is_offered_no_rows_and_refused_when_asking(
    roles: Superset, browser: Browser
) -> None:
    page = logged_in(browser, roles, 1440, "reader")
    assert _asked(roles, page, "mrr_movements") == {"rows": 403, "chart": 200}
    found = opened(page, roles, "whop-overview")
    assert not found.wrong
    offered = _menu(page, roles)
    assert "Drill by" in offered
    assert not any("to detail" in each for each in offered), offered
    page.context.close()


def test_who_may_see_no_members_is_refused_every_dataset_that_has_them(
    roles: Superset, browser: Browser
) -> None:
    page = logged_in(browser, roles, 1440, "onlooker")
    for mart in sorted(MEMBERS):
        assert _asked(roles, page, mart) == {"rows": 403, "chart": 403}, mart
    assert _asked(roles, page, "metrics_monthly") == {"rows": 200, "chart": 200}
    page.context.close()
