"""The report as its reader meets it: a file, opened in a real Chromium."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from loading import Line
from playwright.sync_api import Browser, Page, sync_playwright
from warehouse import Warehouse

from whop_elt.destination import DATASET, MARTS, open_destination
from whop_elt.errors import NothingThere, PipelineError, SettingError
from whop_elt.figures import counted
from whop_elt.report import write_report
from whop_elt.titles import printable
from whop_simulator import DEFAULT_CLOCK, Business, Fault, serve

if TYPE_CHECKING:
    from conftest import NewWarehouse

BROWSER_SETTING = "WHOP_ELT_TEST_CHROMIUM"
"""Environment variable with the path of a Chromium; without it, one on the PATH is taken."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE, DESK, PAPER = 390, 1200, 718
"""Widths in CSS pixels: a phone, a screen, what A4 leaves between its margins."""

HOSTILE = (
    "<script>document.title = 'owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "'] + alert(1) + [' ]]> &amp; {{ 7 * 7 }} <!-- \\u003c",
    "A name without a single blank that goes on and on".replace(" ", "_") * 3,
    "\N{RIGHT-TO-LEFT OVERRIDE}esrever \N{ZERO WIDTH JOINER}\t\N{PILE OF POO} & Söhne",
    "\x1b[31mמועדון הזהב\ufffe של בעלי העסקים בתל אביב והסביבה\x9b",  # noqa: RUF001
)


# ---------------------------------------------------------------------- a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    named = os.environ.get(BROWSER_SETTING)
    found = next((path for path in map(shutil.which, [named] if named else BROWSERS) if path), None)
    if found is None and named:
        pytest.fail(f"{BROWSER_SETTING} is {named}, which is no program")
    if found is None:
        pytest.skip(f"No Chromium: `make browser` installs it, or set {BROWSER_SETTING}")
    with sync_playwright() as playwright:
        # Playwright starts it with a new, empty profile.
        running = playwright.chromium.launch(executable_path=found, args=list(QUIET))
        yield running
        running.close()


@dataclass
class Opened:
    """A report in a tab; `said` and `requests` are what it wrote to the console and asked for."""

    page: Page
    said: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def article(self, company_id: str) -> Any:
        return self.page.locator(f"article[id='{company_id}']")

    def text(self) -> str:
        return self.page.locator("body").inner_text()


Open = Callable[..., Any]


@pytest.fixture(scope="module")
def open_report(browser: Browser) -> Open:
    """Opens a file; at the end of the block nothing has been said and nothing asked for."""

    @contextmanager
    def opened(
        path: Path, width: int = DESK, *, says_nothing: bool = True, **context: Any
    ) -> Iterator[Opened]:
        tab = browser.new_context(viewport={"width": width, "height": 900}, **context)
        it = Opened(tab.new_page())
        it.page.on("console", lambda message: it.said.append(message.text))
        it.page.on("pageerror", lambda error: it.said.append(str(error)))
        it.page.on("request", lambda request: it.requests.append(request.url))
        it.page.goto(path.as_uri())
        try:
            yield it
        finally:
            tab.close()
        assert it.said == [] or not says_nothing
        assert it.requests == [path.as_uri()]

    return opened


# ---------------------------------------------------------------------- the reports


def written(line: Line, path: Path, *companies: str) -> Path:
    with line.at_work():
        return write_report(open_destination(line.warehouse.engine), path, companies)


@pytest.fixture(scope="module")
def report(built: Line, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of one company, on each engine."""
    return written(built, tmp_path_factory.mktemp("report") / "whop-report.html")


@dataclass(frozen=True)
class Several:
    """A warehouse of four companies, and the report of all of them."""

    line: Line
    path: Path
    grown: Business
    hostile: Business
    young: Business
    empty: Business

    @property
    def businesses(self) -> tuple[Business, ...]:
        return self.grown, self.hostile, self.young, self.empty


@pytest.fixture(scope="module")
def several(
    new_location: NewWarehouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Several]:
    """Three years; hostile names; ten days; nothing. On DuckDB: numbers are tested on both."""
    folder = tmp_path_factory.mktemp("several")
    hostile = Business(seed=12, members=80, years=1)
    hostile.company["title"] = HOSTILE[0]
    for resource, names in (("products", HOSTILE), ("plans", HOSTILE[::-1])):
        for number, row in enumerate(hostile.rows(resource)):
            whole = hostile.row(resource, row["id"])
            hostile.put(resource, {**whole, "title": names[number % len(names)]})
    businesses = (
        Business(seed=3, members=260, years=3.3),
        hostile,
        Business(seed=9, members=40, years=10 / 365.25),
        Business.empty(company_id="biz_empty", clock=DEFAULT_CLOCK),
    )
    warehouse = Warehouse("duckdb", new_location("duckdb", None), work=folder)
    with serve(*businesses) as server:
        line = Line(warehouse, server, folder)
        run = line.sync(company_ids=[each.company_id for each in businesses])
        assert run.code == 0
        warehouse.dbt("run")
        yield Several(line, written(line, folder / "whop-report.html"), *businesses)


# ---------------------------------------------------------------------- numbers equal the marts


def shown(form: str, value: Any) -> str:
    """A figure as the report should write it; said here once more, so that a slip there shows."""
    if value is None:
        return "–"  # noqa: RUF001
    places = {"usd": "0.01", "count": "1", "percent": "0.1", "ratio": "0.01"}[form]
    number = Decimal(value) * (100 if form == "percent" else 1)
    rounded = number.quantize(Decimal(places), ROUND_HALF_UP)
    sign = "−" if rounded < 0 else ""  # noqa: RUF001
    before, after = ("$" if form == "usd" else ""), ("%" if form == "percent" else "")
    return f"{sign}{before}{abs(rounded):,}{after}"


def form_of(name: str) -> str:
    if name.endswith("_usd"):
        return "usd"
    if name.endswith("_rate") or name in {"nrr", "grr"}:
        return "percent"
    return "ratio" if name == "quick_ratio" else "count"


SECTIONS = {
    "mrr": 9,
    "customers": 7,
    "churn": 2,
    "retention": 2,
    "revenue": 10,
    "failed": 5,
    "trials": 3,
}
"""Figures each section has."""


def months_of(warehouse: Warehouse, company_id: str) -> list[dict[str, Any]]:
    """Both monthly marts as one row a month, newest first."""
    mrr = {
        row["month"]: row
        for row in warehouse.read("mrr_monthly")
        if row["company_id"] == company_id
    }
    rows = [
        {**mrr.get(row["month"], {}), **row}
        for row in warehouse.read("metrics_monthly")
        if row["company_id"] == company_id
    ]
    return sorted(rows, key=lambda row: row["month"], reverse=True)


def test_every_figure_is_that_of_the_marts(built: Line, report: Path, open_report: Open) -> None:
    company_id = built.business.company_id
    _, now, before, *_ = months_of(built.warehouse, company_id)
    with open_report(report) as opened:
        article = opened.article(company_id)
        heading = article.locator(".period").inner_text()
        assert heading == f"{now['month']:%B %Y}, compared with {before['month']:%B %Y}"
        for section, count in SECTIONS.items():
            rows = article.locator(f"[data-section={section}] tr[data-figure]").all()
            assert len(rows) == count
            for row in rows:
                name = row.get_attribute("data-figure")
                for when, month in (("now", now), ("before", before)):
                    cell = row.locator(f"[data-when={when}]").inner_text()
                    assert cell == shown(form_of(name), month[name]), (name, when)
        headlines = article.locator(".headline").all()
        assert len(headlines) == 6
        for headline in headlines:
            name = headline.get_attribute("data-figure")
            for when, month in (("now", now), ("before", before)):
                cell = headline.locator(f"[data-when={when}]").inner_text()
                assert cell == shown(form_of(name), month[name]), (name, when)


def test_the_month_under_way_and_all_months(built: Line, report: Path, open_report: Open) -> None:
    company_id = built.business.company_id
    months = months_of(built.warehouse, company_id)
    with open_report(report) as opened:
        article = opened.article(company_id)
        so_far = article.locator("[data-table=so_far]")
        assert f"{months[0]['month']:%B %Y} so far" in so_far.inner_text()
        cells = so_far.locator("[data-figure]").all()
        assert len(cells) == 5
        for cell in cells:
            name = cell.get_attribute("data-figure")
            assert cell.inner_text() == shown(form_of(name), months[0][name])
        article.locator("details summary").click()
        rows = article.locator("[data-table=history] tbody tr").all()
        assert len(rows) == len(months) > 12
        for row, month in zip(rows, months, strict=True):
            assert row.locator("th").inner_text().startswith(f"{month['month']:%B %Y}")
            for cell in row.locator("td").all():
                name = cell.get_attribute("data-figure")
                assert cell.inner_text() == shown(form_of(name), month.get(name, 0)), name


def listed(opened: Opened, company_id: str, table: str) -> list[dict[str, Any]]:
    """Rows of a table: their names, and per figure what is said of the month and the one before."""
    found = []
    for row in opened.article(company_id).locator(f"[data-table={table}] tbody tr").all():
        names = [each.strip() for each in row.locator("th").inner_text().split("\n") if each]
        figures: dict[str, tuple[str, str]] = {}
        for cell in row.locator("td[data-figure]").all():
            texts = [
                cell.locator(f"[data-when={when}]").inner_text()
                if cell.locator(f"[data-when={when}]").count()
                else ""
                for when in ("now", "before")
            ]
            figures[cell.get_attribute("data-figure")] = (texts[0], texts[1])
        found.append({"names": names, **figures})
    return found


def among(column: str, ids: set[Any], row: dict[str, Any]) -> bool:
    return row[column] in ids


def two(rows: list[dict[str, Any]], form: str, months: tuple[date, date]) -> tuple[str, str]:
    """Sum of `value` in each of two months, as written."""
    sums = [
        sum((row["value"] for row in rows if row["month"] == each), Decimal()) for each in months
    ]
    return shown(form, sums[0]), shown(form, sums[1])


def test_churn_by_type_and_reason(built: Line, report: Path, open_report: Open) -> None:
    company_id = built.business.company_id
    _, now, before, *_ = months_of(built.warehouse, company_id)
    months = (now["month"], before["month"])
    year_ago = date(now["month"].year - 1, now["month"].month, 1)
    churn = [
        row
        for row in built.warehouse.read("churn_monthly")
        if year_ago < row["month"] <= now["month"]
    ]
    expected = {}
    for kind, reason in {(row["churn_type"], row["churn_reason"]) for row in churn}:
        of_it = [r for r in churn if (r["churn_type"], r["churn_reason"]) == (kind, reason)]
        customers = [{**row, "value": row["customers_churned"]} for row in of_it]
        lost = [{**row, "value": -row["mrr_churned_usd"]} for row in of_it]
        names = {
            "unspecified": "No reason given",
            "lifetime": "Bought for life",
            "free_renewal": "Renewed for free",
            "chargeback": "Charged back",
        }
        expected[names.get(reason, reason.replace("_", " ").capitalize())] = (
            two(customers, "count", months),
            two(lost, "usd", months),
            str(sum(row["value"] for row in customers)),
        )
    with open_report(report) as opened:
        rows = listed(opened, company_id, "reasons")
    assert len(rows) == len(expected) >= 4
    for row in rows:
        assert (
            row["customers_churned"],
            row["mrr_lost_usd"],
            row["customers_churned_12_months"][0],
        ) == expected[row["names"][0]]


def test_products_plans_and_currencies(built: Line, report: Path, open_report: Open) -> None:
    company_id = built.business.company_id
    warehouse = built.warehouse
    _, now, before, *_ = months_of(warehouse, company_id)
    months = (now["month"], before["month"])
    revenue = [
        {**row, "month": row["date"].replace(day=1)} for row in warehouse.read("revenue_daily")
    ]
    ends = {(each + timedelta(days=31)).replace(day=1) - timedelta(days=1): each for each in months}
    mrr = [
        {**row, "month": ends[row["date"]]}
        for row in warehouse.read("mrr_daily_by_plan")
        if row["date"] in ends
    ]
    titles = {row["product_id"]: row["title"] for row in warehouse.read("dim_products")}
    plans = {row["plan_id"]: row["title"] for row in warehouse.read("dim_plans")}

    def expected(of: Callable[[dict[str, Any]], bool]) -> tuple[Any, ...]:
        return (
            two([{**r, "value": r["mrr_usd"]} for r in mrr if of(r)], "usd", months),
            two([{**r, "value": r["net_usd"]} for r in revenue if of(r)], "usd", months),
            two([{**r, "value": r["customers"]} for r in mrr if of(r)], "count", months),
        )

    with open_report(report) as opened:
        product_rows = listed(opened, company_id, "products")
        plan_rows = listed(opened, company_id, "plans")
        currency_rows = listed(opened, company_id, "currencies")
    assert len(product_rows) >= 3
    for row in product_rows:
        of_title = {key for key, title in titles.items() if title == row["names"][0]} or {None}
        found = expected(partial(among, "product_id", of_title))
        assert (row["mrr_usd"], row["net_usd"]) == found[:2], row["names"]
    assert len(plan_rows) >= 6
    for row in plan_rows:
        title = row["names"][0]
        of_plan = {key for key, name in plans.items() if title in (name, key)} or {None}
        found = expected(partial(among, "plan_id", of_plan))
        assert (row["mrr_usd"], row["net_usd"], row["customers"]) == found, row["names"]
    currencies = {row["currency"].upper() for row in revenue if row["month"] in months}
    assert {row["names"][0] for row in currency_rows} == currencies
    assert len(currencies) > 1
    for row in currency_rows:
        paid = [r for r in revenue if r["currency"].upper() == row["names"][0]]
        assert row["gross_usd"] == two(
            [{**r, "value": r["gross_usd"]} for r in paid], "usd", months
        )
        assert row["net_usd"] == two([{**r, "value": r["net_usd"]} for r in paid], "usd", months)


CHARTS = {
    "mrr",
    "movements",
    "customers",
    "churn_types",
    "reasons",
    "cohorts",
    "revenue",
    "failed",
    "trials",
    "products",
    "left",
}


def marks(opened: Opened, company_id: str, chart: str, width: str = "wide") -> list[str]:
    """What the bars, dots and cells of a chart say when they are pointed at."""
    found = opened.article(company_id).locator(f"[data-chart={chart}] .{width} svg title")
    return list(found.all_text_contents())


def test_charts_draw_the_marts(built: Line, report: Path, open_report: Open) -> None:
    company_id = built.business.company_id
    months = {f"{row['month']:%B %Y}": row for row in months_of(built.warehouse, company_id)}
    movements = {
        "New": "new_usd",
        "Reactivation": "reactivation_usd",
        "Expansion": "expansion_usd",
        "Contraction": "contraction_usd",
        "Churn": "churn_usd",
    }
    expected = {
        (month, kind): shown("usd", row[name])
        for month, row in months.items()
        for kind, name in movements.items()
        if row.get(name)
    }
    cohorts = {
        (f"{row['cohort_month']:%B %Y}", str(row["months_since"])): (
            f"{row['customers_retained']} of {row['customers_in_cohort']}"
        )
        for row in built.warehouse.read("cohort_retention_monthly")
    }
    with open_report(report) as opened:
        article = opened.article(company_id)
        drawn = {figure.get_attribute("data-chart") for figure in article.locator("figure").all()}
        assert drawn == CHARTS
        said = {}
        for mark in marks(opened, company_id, "movements"):
            words = re.fullmatch(r"(\w+ \d+)(?: so far)?, (\w+): (.+)", mark)
            assert words
            said[words[1], words[2]] = words[3]
        assert said == expected
        retained = {}
        for mark in marks(opened, company_id, "cohorts"):
            if mark.startswith("All together"):
                continue
            words = re.fullmatch(r"Customers of (\w+ \d+), after (\d+) months: (.+)", mark)
            assert words
            retained[words[1], words[2]] = words[3]
        assert retained == cohorts
        # A phone has room for a year, and it is the newest one.
        newest = set(marks(opened, company_id, "mrr", "narrow"))
        assert len(newest) == 12
        left = {
            f"{row['date']:%-d %B %Y}": (row["expected_usd"], row["committed_usd"])
            for row in built.warehouse.read("committed_mrr_monthly")
        }
        for mark in marks(opened, company_id, "left"):
            found = re.fullmatch(r"(.+), (.+): (.+)", mark)
            assert found
            day, kind, value = found.groups()
            expected_usd, committed = left[day]
            assert value == shown(
                "usd", expected_usd if kind == "Expected" else committed - expected_usd
            )
        assert newest == set(marks(opened, company_id, "mrr")[-12:])


def test_how_fresh_it_is_and_from_which_run(built: Line, report: Path, open_report: Open) -> None:
    (row,) = built.warehouse.read("dim_companies")
    runs = {row["run_id"] for row in built.warehouse.read("sync_runs", schema=DATASET)}
    (run_id,) = runs
    with open_report(report) as opened:
        fresh = opened.page.locator(".fresh").inner_text()
        assert f"{row['as_of']:%-d %B %Y, %H:%M} UTC" in fresh
        assert f"run {run_id}" in fresh
        assert not opened.page.locator(".warning").count()


def test_a_table_that_was_not_read_is_named(
    loaded: Line, tmp_path: Path, open_report: Open
) -> None:
    read_at = max(row["started_at"] for row in loaded.warehouse.read("sync_runs", schema=DATASET))
    loaded.server.faults.add("GET /payments", Fault("status", status=503))
    loaded.server.faults.add("GET /apps", Fault("status", status=403))
    run = loaded.sync()
    loaded.warehouse.dbt("run")
    with open_report(written(loaded, tmp_path / "report.html")) as opened:
        warning = opened.page.locator(".warning").inner_text()
        assert "payments: reading it failed" in warning
        assert f"is of {read_at:%-d %B %Y, %H:%M} UTC" in warning
        assert "apps: the API key lacks the permission" in warning
        assert "members" not in warning
        assert f"run {run.report.run_id}" in opened.page.locator(".fresh").inner_text()


def test_nobody_is_named(built: Line, report: Path) -> None:
    """No name, e-mail, phone or id of a member; a one-word name may be in a word of ours."""
    text = report.read_text()
    members = built.business.rows("members")
    assert len(members) >= 80
    for member in members:
        user = member.get("user") or {}
        for value in (member["id"], member.get("phone"), *map(user.get, ("id", "email"))):
            assert value is None or value not in text
        for value in map(user.get, ("name", "username")):
            assert value is None or len(value.split()) < 2 or value not in text


# ---------------------------------------------------------------------- how it looks


class Active(HTMLParser):
    """Collects what could run, or ask somebody for something."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.styles = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.styles = tag == "style"
        data = tag == "script" and ("type", "application/json") in attrs
        if tag in {"script", "img", "image", "iframe", "link", "object", "base", "form", "use"}:
            self.found += [] if data else [tag]
        for name, value in attrs:
            here = name.endswith("href") and (value or "").startswith("#")
            if name in {"src", "srcset", "action"} or name.startswith("on"):
                self.found.append(f"{tag} {name}")
            elif "://" in (value or "") or "url(" in (value or "") or ("href" in name and not here):
                self.found.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        if self.styles and re.search(r"url\(|@import|://", data):
            self.found.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.styles = False


def active(path: Path) -> list[str]:
    parser = Active()
    parser.feed(path.read_text())
    parser.close()
    return parser.found


def test_nothing_in_it_runs_or_is_loaded(report: Path) -> None:
    assert active(report) == ["script"]
    text = report.read_text()
    assert "default-src 'none'" in text
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    ours = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{ours}'\"" in text
    assert len(text) < 500_000


def test_a_script_that_is_not_ours_does_not_run(
    report: Path, tmp_path: Path, open_report: Open
) -> None:
    other = tmp_path / "other.html"
    other.write_text(
        report.read_text().replace("</main>", "<script>document.title = 'owned'</script></main>")
    )
    with open_report(other, says_nothing=False) as opened:
        assert opened.page.title() != "owned"


def test_one_can_look_closer(built: Line, report: Path, open_report: Open) -> None:
    months = months_of(built.warehouse, built.business.company_id)[:3]
    with open_report(report) as opened:
        section = opened.page.locator("[data-closer]")
        assert section.is_visible()
        section.locator("[name=first]").select_option(label=f"{months[2]['month']:%b %Y}")
        rows = [row.inner_text().split("\t") for row in section.locator("tbody tr").all()]
        assert [row[:4] for row in rows[:3]] == [
            [
                f"{each['month']:%b %Y}" + (" so far" if each is months[0] else ""),
                shown("usd", each["mrr_end_usd"]),
                shown("count", each["customers_end"]),
                shown("count", each["customers_lost"]),
            ]
            for each in months
        ]
        assert rows[3][-1] == shown("usd", sum(each["net_usd"] for each in months))
        section.locator("[name=measure]").select_option(label="Net")
        best_month = max(months, key=lambda each: each["net_usd"])
        assert section.locator("[data-most]").inner_text() == (
            f"Net of each month; the highest is {shown('usd', best_month['net_usd'])}, "
            f"{best_month['month']:%b %Y}."
        )
        plans = built.warehouse.read("dim_plans")
        best = max(plans, key=lambda plan: plan["mrr_usd"])
        section.locator("[name=segment]").select_option(label=best["title"])
        newest = section.locator("tbody tr").first.inner_text().split("\t")
        assert newest[1] == shown("usd", best["mrr_usd"])


def test_the_charts_can_be_cut_to_a_year_without_a_script(
    built: Line, report: Path, open_report: Open
) -> None:
    company_id = built.business.company_id
    with open_report(report, java_script_enabled=False) as opened:
        chart = opened.article(company_id).locator("[data-chart=mrr]")
        assert not opened.page.locator("[data-closer]").is_visible()
        assert not opened.page.get_by_text("Look closer").first.is_visible()
        assert chart.locator(".wide").is_visible()
        opened.page.locator("[data-range='12']").check()
        assert chart.locator(".last-12").is_visible()
        assert not chart.locator(".wide").is_visible()
        everything = marks(opened, company_id, "mrr")
        assert marks(opened, company_id, "mrr", "last-12") == everything[-12:] != everything
        # Without so many months there is nothing to cut.
        assert opened.page.locator("[data-chart=left] .wide").is_visible()
        opened.page.set_viewport_size({"width": PHONE, "height": 900})
        assert chart.locator(".narrow").is_visible()
        assert not chart.locator(".last-12").is_visible()
        opened.page.set_viewport_size({"width": DESK, "height": 900})
        opened.page.locator("[data-range=all]").check()
        assert chart.locator(".wide").is_visible()


def test_what_is_ahead_is_what_the_marts_say(built: Line, report: Path, open_report: Open) -> None:
    renewals = built.warehouse.read("upcoming_renewals")
    at_risk = built.warehouse.read("members_at_risk")
    today = next(
        row["date"]
        for row in built.warehouse.read("committed_mrr_monthly")
        if row["months_ahead"] == 0
    )
    with open_report(report) as opened:
        for days in (7, 30, 60, 90):
            due = [
                row
                for row in renewals
                if (row["next_renewal_date"] - today).days <= days
                and row["risk"] not in ("canceled", "paused")
            ]
            cells = opened.page.locator(f"[data-table=renewals] [data-days='{days}'] td")
            assert cells.all_inner_texts()[:3] == [
                shown("count", len(due)),
                shown("usd", sum(row["amount_usd"] for row in due)),
                shown("usd", sum(row["expected_usd"] for row in due)),
            ]
        rows = opened.page.locator("[data-table=at_risk] tbody tr").all()
        assert len(rows) == len({row["main_cause"] for row in at_risk}) > 0
        for row in rows:
            of_cause = [r for r in at_risk if r["main_cause"] == row.get_attribute("data-cause")]
            assert row.locator("td").all_inner_texts()[:2] == [
                shown("count", len(of_cause)),
                shown("usd", sum(each["mrr_usd"] for each in of_cause)),
            ]
        sentences = opened.page.locator("[data-sentence]:not([data-sentence=note])")
        words = sentences.all_inner_texts()
        assert 3 <= len(words) <= 5
        assert counted(len(at_risk), "member") in " ".join(words)


OUTSIDE = """(margin) => {
    const outside = [];
    for (const element of document.querySelectorAll('main *')) {
        const box = element.getBoundingClientRect();
        if (!box.width || element.closest('.scroll table')) continue;
        const within = element.closest('section, .headline, main').getBoundingClientRect();
        if (box.left < within.left - margin || box.right > within.right + margin)
            outside.push([element.tagName, element.textContent.slice(0, 60),
                box.left - within.left, box.right - within.right].join(' '));
    }
    return outside;
}"""
"""Everything visible that sticks out of its card, tables that may be scrolled left out."""

TOO_WIDE = """() => [...document.querySelectorAll('.scroll')]
    .filter(each => each.scrollWidth > each.clientWidth + 1 && !each.closest('.history'))
    .map(each => each.textContent.trim().slice(0, 80))"""
"""Tables that must be scrolled sideways to be read; that of all months may."""


def fits(opened: Opened, width: int) -> None:
    sizes = "() => [document.documentElement.scrollWidth, document.body.scrollWidth]"
    assert max(opened.page.evaluate(sizes)) <= width
    assert opened.page.evaluate(OUTSIDE, 1) == []


@pytest.mark.parametrize("width", [PHONE, 700, 701, 821, DESK])
def test_it_fits(report: Path, open_report: Open, width: int) -> None:
    with open_report(report, width) as opened:
        fits(opened, width)
        assert opened.page.evaluate(TOO_WIDE) == []
        narrow = width <= 700
        for chart in CHARTS:
            assert opened.page.locator(f"[data-chart={chart}] .narrow").is_visible() is narrow
            assert opened.page.locator(f"[data-chart={chart}] .wide").is_visible() is not narrow


def test_it_can_be_read_on_a_phone(report: Path, open_report: Open) -> None:
    """No letter is smaller than 9 pixels, in the charts neither."""
    smallest = """() => Math.min(...[...document.querySelectorAll('.narrow svg')].map(svg => {
        const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
        return scale * Math.min(...[...svg.querySelectorAll('text')].map(
            text => parseFloat(getComputedStyle(text).fontSize)));
    }), ...[...document.querySelectorAll('td, th, p, dd, dt')].map(
        each => parseFloat(getComputedStyle(each).fontSize)))"""
    with open_report(report, PHONE) as opened:
        assert opened.page.evaluate(smallest) >= 9


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2) of `rgb(r, g, b)`."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


COLOURS = """() => {
    const inks = new Set(), cells = new Set();
    const paper = (element) => getComputedStyle(element).backgroundColor;
    const card = paper(document.querySelector('section'));
    const written = 'h1, h2, h3, p, td, th, dt, dd, li, span, summary, figcaption';
    for (const each of document.querySelectorAll(written)) {
        const back = paper(each.closest('section, .headline, .empty, .warning') || document.body);
        inks.add(JSON.stringify([getComputedStyle(each).color, back]));
    }
    for (const each of document.querySelectorAll('figure:not([data-chart=cohorts]) .wide text'))
        inks.add(JSON.stringify([getComputedStyle(each).fill, card]));
    for (const svg of document.querySelectorAll('[data-chart=cohorts] .wide svg')) {
        const at = {};
        for (const each of svg.querySelectorAll('path, rect'))
            if (each.querySelector('title')) {
                const box = each.getBoundingClientRect();
                const middle = [box.left + box.width / 2, box.top + box.height / 2];
                at[middle.map(Math.round).join(' ')] = getComputedStyle(each).fill;
            }
        for (const text of svg.querySelectorAll('text')) {
            const box = text.getBoundingClientRect();
            const middle = [box.left + box.width / 2, box.top + box.height / 2].map(Math.round);
            for (let x = -2; x <= 2; x++) for (let y = -4; y <= 4; y++) {
                const back = at[(middle[0] + x) + ' ' + (middle[1] + y)];
                if (back) cells.add(JSON.stringify([getComputedStyle(text).fill, back]));
            }
        }
    }
    return [[...inks].map(JSON.parse), [...cells].map(JSON.parse)];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_can_be_read(several: Several, open_report: Open, scheme: str) -> None:
    with open_report(several.path, color_scheme=scheme) as opened:
        back = opened.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        assert (luminance(back) > 0.5) is (scheme == "light")
        inks, cells = opened.page.evaluate(COLOURS)
        assert len(inks) > 5
        assert len(cells) >= 9, "a cell of every shade but one or two"
        for ink, paper in [*inks, *cells]:
            assert contrast(ink, paper) >= 4.5, (ink, paper)


def test_in_print(report: Path, open_report: Open) -> None:
    with open_report(report, PAPER, color_scheme="dark") as opened:
        opened.page.emulate_media(media="print", color_scheme="dark")
        back = opened.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        assert back == "rgb(255, 255, 255)"
        ink = opened.page.evaluate("() => getComputedStyle(document.body).color")
        assert ink == "rgb(0, 0, 0)"
        fits(opened, PAPER)
        assert opened.page.evaluate(TOO_WIDE) == []
        for chart in CHARTS:
            assert opened.page.locator(f"[data-chart={chart}] .wide").is_visible()
            assert not opened.page.locator(f"[data-chart={chart}] .narrow").is_visible()
        assert not opened.page.get_by_text("Show the table").is_visible()
        printed = opened.page.pdf(prefer_css_page_size=True)
        assert printed.startswith(b"%PDF")
        assert 3 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 12


# ---------------------------------------------------------------------- other accounts


def test_several_companies_stand_side_by_side(several: Several, open_report: Open) -> None:
    with open_report(several.path) as opened:
        ids = [each.get_attribute("id") for each in opened.page.locator("article").all()]
        assert sorted(ids) == sorted(each.company_id for each in several.businesses)
        rows = opened.page.locator("[data-table=companies] tbody tr").all()
        assert [row.get_attribute("data-company") for row in rows] == ids
        for row in rows:
            company_id = row.get_attribute("data-company")
            months = months_of(several.line.warehouse, company_id)
            month = months[1] if len(months) > 1 else months[0] if months else None
            cells = [cell.inner_text().split("\n")[0] for cell in row.locator("td").all()]
            names = ("mrr_end_usd", "customers_end", "logo_churn_rate", "net_usd")
            assert cells == [shown(form_of(name), month[name] if month else None) for name in names]


def test_one_company_can_be_asked_for(several: Several, tmp_path: Path, open_report: Open) -> None:
    wanted = several.young.company_id
    with open_report(written(several.line, tmp_path / "one.html", wanted)) as opened:
        assert opened.page.locator("article").count() == 1
        assert opened.article(wanted).count() == 1
        assert several.young.company["title"] in opened.page.title()
    with pytest.raises(SettingError, match=r"biz_nobody.*there are: .*biz_empty"):
        written(several.line, tmp_path / "none.html", "biz_nobody")
    assert not (tmp_path / "none.html").exists()


CUT = """() => [...document.querySelectorAll('figure svg')].flatMap(svg => {
    const frame = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text')].filter(text => {
        const box = text.getBoundingClientRect();
        return box.left < frame.left - 1 || box.right > frame.right + 1
            || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
    }).map(text => [svg.closest('figure').dataset.chart, text.textContent].join(': '));
})"""
"""Letters of charts that stick out of them, and so are cut."""

MEET = """() => [...document.querySelectorAll('figure')].flatMap(figure => {
    const texts = [...figure.querySelectorAll('svg text, .legend li')]
        .map(each => [each.textContent, each.getBoundingClientRect()])
        .filter(([text, box]) => text && box.width);
    return texts.flatMap(([one, a], place) => texts.slice(place + 1)
        .filter(([_, b]) => a.left < b.right && b.left < a.right
            && a.top + 3 < b.bottom && b.top + 3 < a.bottom)
        .map(([other]) => [figure.dataset.chart, one, other].join(': ')));
})"""
"""Letters of charts that run into one another; above and below a line there is air."""


@pytest.mark.parametrize("width", [PHONE, PAPER, 760, DESK])
def test_no_letter_of_a_chart_is_cut_or_runs_into_another(
    several: Several, open_report: Open, width: int
) -> None:
    with open_report(several.path, width) as opened:
        assert opened.page.evaluate("() => document.querySelectorAll('svg text').length") > 1000
        assert opened.page.evaluate(CUT) == []
        assert opened.page.evaluate(MEET) == []


@pytest.mark.parametrize("width", [PHONE, PAPER, DESK])
def test_every_account_fits(several: Several, open_report: Open, width: int) -> None:
    with open_report(several.path, width) as opened:
        fits(opened, width)
        assert opened.page.evaluate(TOO_WIDE) == []


def test_three_years(several: Several, open_report: Open) -> None:
    company_id = several.grown.company_id
    months = months_of(several.line.warehouse, company_id)
    assert len(months) > 37
    with open_report(several.path) as opened:
        article = opened.article(company_id)
        article.locator("details summary").click()
        assert article.locator("[data-table=history] tbody tr").count() == 36
        assert len(marks(opened, company_id, "mrr")) == 36
        said = marks(opened, company_id, "cohorts")
        oldest = min(row["month"] for row in months[:36])
        assert any(f"Customers of {oldest:%B %Y}, after 35 months" in each for each in said)
        assert not any("after 36 months" in each for each in said)


def test_ten_days(several: Several, open_report: Open) -> None:
    """The first month: its figures, and nothing to compare them with."""
    company_id = several.young.company_id
    (month,) = months_of(several.line.warehouse, company_id)
    with open_report(several.path) as opened:
        article = opened.article(company_id)
        assert article.locator(".period").inner_text() == f"{month['month']:%B %Y} so far"
        mrr = article.locator("[data-section=mrr] tr[data-figure=mrr_end_usd] td")
        assert mrr.all_inner_texts() == [shown("usd", month["mrr_end_usd"])]
        assert month["mrr_end_usd"] > 0
        assert not article.locator("[data-when=before], .change, [data-table=so_far]").count()


def test_nothing_yet(several: Several, open_report: Open) -> None:
    with open_report(several.path) as opened:
        article = opened.article("biz_empty")
        assert "Nothing to report yet" in article.inner_text()
        assert "Data as of" in article.inner_text()
        assert not article.locator("figure, table").count()


def test_no_company_at_all(empty: Line, tmp_path: Path, open_report: Open) -> None:
    """Marts that are built on nothing: the report says so, and is no error."""
    empty.warehouse.create_raw()
    empty.warehouse.dbt("run")
    with open_report(written(empty, tmp_path / "report.html")) as opened:
        assert "No company has been loaded yet" in opened.text()


def test_hostile_names_are_text(several: Several, open_report: Open) -> None:
    company_id = several.hostile.company_id
    assert active(several.path) == ["script"]
    with open_report(several.path) as opened:
        assert opened.page.title() == "Whop report"
        assert opened.page.locator("script:not([type]), img").count() == 1
        article = opened.article(company_id)
        assert article.locator("h1").text_content() == HOSTILE[0]
        names = [each.text_content() for each in article.locator("tbody .name").all()]
        for name in HOSTILE:
            assert printable(name) in names, name
        said = marks(opened, company_id, "products")
        assert {each.rsplit(": ", 1)[0] for each in said} <= {
            *map(printable, HOSTILE),
            "Without a product",
        }
        assert len(said) >= 3
        axis = article.locator("[data-chart=products] .wide svg").text_content()
        assert "<script>" in axis


@pytest.mark.parametrize("word", ["None", "nan", "NaN", "undefined", "Infinity", "Decimal", "{{"])
def test_no_slip_shows(several: Several, open_report: Open, word: str) -> None:
    with open_report(several.path) as opened:
        text = opened.text().replace("{{ 7 * 7 }}", "")
    assert not re.search(rf"(?<![a-z]){re.escape(word)}(?![a-z])", text)


# ---------------------------------------------------------------------- the file


def test_without_the_marts_the_error_names_the_command(loaded: Line, tmp_path: Path) -> None:
    with pytest.raises(NothingThere, match="`whop-elt transform`"):
        written(loaded, tmp_path / "report.html")
    assert list(tmp_path.glob("*.html")) == []


def test_a_file_is_replaced_whole_or_not_at_all(
    built: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "new folder" / "report.html"
    assert written(built, path) == path.resolve()
    first = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(PipelineError, match=r"report.html cannot be written: No space left"):
            written(built, path)
    assert path.read_text() == first
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]
    assert written(built, path).read_text() == first, "the same numbers, the same file"
    with pytest.raises(SettingError, match="cannot be written"):
        written(built, tmp_path / "new folder" / "report.html" / "in a file")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_what_it_asks_for_is_in_the_marts_only(built: Line) -> None:
    from whop_elt.report import queries

    asked = [queries.COMPANIES, *queries.QUERIES.values()]
    schemas = set(re.findall(r"\b(whop_\w+)\.", json.dumps(asked)))
    assert schemas == {MARTS}
