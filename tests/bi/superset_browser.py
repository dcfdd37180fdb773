"""Dashboards opened in a real Chromium, and what their charts were given."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from playwright.sync_api import Browser, Page, Response, expect
from superset_server import ADMIN, PASSWORD, ROOT, Superset

from whop_elt.bi.generate import BUNDLE

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
AMOUNTS = ("_usd", "amount", "total", "difference", "balance")


@dataclass
class Opened:
    """What happened when a dashboard was opened."""

    answers: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    choices: dict[str, set[Any]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def heard(self, response: Response) -> None:
        """Keep what the queries of charts and filters gave."""
        if "/api/v1/chart/data" not in response.url:
            return
        if response.status != 200:
            self.wrong.append(f"{response.status} {response.text()[:500]}")
            return
        form = (response.request.post_data_json or {}).get("form_data", {})
        for result in response.json()["result"]:
            if result.get("error"):
                self.wrong.append(str(result["error"]))
            if form.get("native_filter_id"):
                values = {value for row in result["data"] or () for value in row.values()}
                self.choices.setdefault(form["native_filter_id"], set()).update(values)
            elif form.get("slice_id") is not None:
                self.answers.setdefault(int(form["slice_id"]), []).append(result)


def logged_in(browser: Browser, superset: Superset, width: int, user: str = ADMIN) -> Page:
    """A page of somebody who has logged in by the form; the session is kept for the next page."""
    page = browser.new_context(
        viewport={"width": width, "height": 1000}, storage_state=superset.sessions.get(user)
    ).new_page()
    # The machine may be busy with other things.
    page.set_default_timeout(120_000)
    if user not in superset.sessions:
        page.goto(f"{superset.url}/login/")
        page.fill("input#username", user)
        page.fill("input#password", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_load_state("networkidle")
        superset.sessions[user] = page.context.storage_state()
    return page


def opened(
    page: Page, superset: Superset, slug: str, shot: Path | None = None, link: str = ""
) -> Opened:
    """Open a dashboard, all of it in view, so that every chart is drawn.

    Args:
        page: of somebody who has logged in.
        superset: where.
        slug: which dashboard.
        shot: where the screenshot goes.
        link: another address of it, with filters.
    """
    found = Opened()
    page.on("response", found.heard)
    page.on("pageerror", lambda error: found.wrong.append(str(error)))
    rows = sum(row.get("height", 10) for row in LAYOUTS[slug]["rows"])
    width = (page.viewport_size or {})["width"]
    page.set_viewport_size({"width": width, "height": rows * 8 + 700})
    page.goto(
        f"{superset.url}{link or f'/superset/dashboard/{slug}/'}", wait_until="domcontentloaded"
    )
    page.wait_for_selector("[data-test=grid-content]")
    page.wait_for_load_state("networkidle")
    expect(page.locator("[data-test=loading-indicator]")).to_have_count(0, timeout=120_000)
    # Charts move until they are where they belong.
    page.wait_for_timeout(1000)
    found.wrong += [each.inner_text()[:300] for each in page.query_selector_all(".ant-alert-error")]
    if shot is not None:
        shot.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=shot)
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
