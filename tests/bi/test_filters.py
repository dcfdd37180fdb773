"""Filters: what Superset shows with them is what the marts say under the same where clause."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from functools import cache
from typing import Any

import pytest
import yaml
from bi_warehouses import Warehouse
from playwright.sync_api import Browser
from superset_browser import AMOUNTS, LAYOUTS, THERE, logged_in, opened, shown
from superset_server import Superset

from whop_elt.bi.datasets import identifier
from whop_elt.bi.generate import BUNDLE

IDS = {
    "company": "company_id",
    "plan": "plan_id",
    "product": "product_id",
    "country": "billing_country",
    "currency": "currency",
}
"""The column of the marts behind each filter; Superset filters by titles."""
PERIOD = ("2025-03-01", "2025-10-01")


@cache
def _dataset(mart: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((BUNDLE / f"datasets/Whop/{mart}.yaml").read_text())
    return found


@cache
def _filters(slug: str) -> dict[str, dict[str, Any]]:
    """The filters of a dashboard as they are imported, by the name of the layout."""
    dashboard = yaml.safe_load((BUNDLE / f"dashboards/{slug}.yaml").read_text())
    given = dashboard["metadata"]["native_filter_configuration"]
    return {each["id"].rsplit("-", 1)[1]: each for each in given}


def _time(given: Mapping[str, Any]) -> str | None:
    found: str | None = given.get("time", _dataset(given["mart"])["main_dttm_col"])
    return found


def _columns(mart: str) -> set[str]:
    return {each["column_name"] for each in _dataset(mart)["columns"]}


def _heeds(given: Mapping[str, Any], name: str) -> bool:
    """Whether a chart can be filtered so, by the columns of its mart."""
    if name == "period":
        return _time(given) is not None
    return IDS[name] in _columns(given["mart"])


def _clause(given: Mapping[str, Any], name: str, values: tuple[str, ...]) -> str:
    if name == "period":
        return f"{_time(given)} >= '{values[0]}' and {_time(given)} < '{values[1]}'"
    return f"{IDS[name]} in ({', '.join(repr(value) for value in values)})"


def _query(given: Mapping[str, Any], clauses: list[str]) -> str:
    """What a chart shows, asked of its mart alone: by ids, and without the joins of Superset's."""
    mart = given["mart"]
    where = " and ".join(f"({each})" for each in ["true", *given.get("where", []), *clauses])
    source = f"from whop_marts.{mart} where {where}"
    if mart == "data_freshness":
        return f"select count(*) {source}"
    if "columns" in given:
        amounts = [name for name in given["columns"] if name.endswith(AMOUNTS)]
        return f"select {' + '.join(f'coalesce(sum({name}), 0)' for name in amounts)} {source}"
    metrics = {each["metric_name"]: each["expression"] for each in _dataset(mart)["metrics"]}
    asked = " + ".join(f"coalesce({metrics[name]}, 0)" for name in given["metrics"])
    time = _time(given)
    groups = [] if "most" in given else [given[key] for key in ("by",) if key in given]
    by = [each for group in groups for each in ([group] if isinstance(group, str) else group)]
    if given["kind"] in ("trend", "bars", "lines", "area") and given.get("x", time) == time:
        grain = "week" if given.get("grain") == "P1W" else "month"
        by.append(f"date_trunc('{grain}', {time})")
    elif "x" in given:
        by.append(given["x"])
    titles = {"plan": "plan_id", "product": "product_id", "value_title": "dimension, value"}
    grouped = ", ".join(titles.get(each, each) for each in by)
    rows = f"select {asked} as number {source}"
    if grouped:
        rows += f" group by {grouped}"
    if given["kind"] == "ranking":
        rows += f" order by 1 desc limit {given['limit']}"
    return f"select sum(number) from ({rows}) as found"


def _chosen(warehouse: Warehouse) -> dict[str, tuple[str, ...]]:
    """Values of each filter, so that each takes something from what all the others leave."""
    mine, other = warehouse.companies
    paid = "from whop_marts.fct_payments where gross_usd > 0"

    def most(column: str, where: str, number: int = 1) -> tuple[str, ...]:
        return warehouse.column(
            f"select {column} {paid} and {where} group by 1 "
            f"order by count(*) desc, 1 limit {number}"
        )

    (main,) = most("product_id", f"company_id = '{mine}'")
    of_main = f"product_id = '{main}' and currency = "
    # In the main product two plans of the many, and one of another currency; eight of
    # other products; and one of the other company.
    plans = (
        *most("plan_id", f"{of_main} 'usd'", 2),
        *most("plan_id", f"{of_main} 'eur'"),
        *most("plan_id", f"company_id = '{mine}' and product_id <> '{main}'", 8),
        *most("plan_id", f"company_id = '{other}'"),
    )
    return {
        "company": (mine,),
        "period": PERIOD,
        "plan": plans,
        "product": (main, *most("product_id", f"company_id = '{other}'")),
        "country": most("billing_country", f"company_id = '{mine}'", 2),
        "currency": ("usd",),
    }


def _titles(warehouse: Warehouse, name: str, values: tuple[str, ...]) -> list[str]:
    """What Superset calls these: the titles of its dataset."""
    if name in ("country", "currency"):
        return list(values)
    mart = {"company": "dim_companies", "plan": "dim_plans", "product": "dim_products"}[name]
    return [
        title
        for value in values
        for title in warehouse.column(
            f"select {name} from ({_dataset(mart)['sql']}) as dataset where {name}_id = '{value}'"
        )
    ]


def _mask(filter_id: str, name: str, titles: list[str]) -> dict[str, Any]:
    """What Superset keeps of a filter that somebody has set."""
    value: str | list[str] = " : ".join(titles) if name == "period" else titles
    extra = (
        {"time_range": value}
        if name == "period"
        else {"filters": [{"col": IDS[name] if name == "country" else name, "op": "IN",
                           "val": value}]}
    )  # fmt: skip
    return {
        "id": filter_id, "extraFormData": extra, "ownState": {}, "filterState": {"value": value},
    }  # fmt: skip


@pytest.mark.parametrize("slug", LAYOUTS)
def test_a_filter_reaches_the_charts_that_have_its_column_and_no_others(slug: str) -> None:
    dashboard = yaml.safe_load((BUNDLE / f"dashboards/{slug}.yaml").read_text())
    keys = {
        each["meta"]["chartId"]: each["id"].removeprefix("CHART-")
        for each in dashboard["position"].values()
        if isinstance(each, dict) and each.get("type") == "CHART"
    }
    assert set(keys.values()) == set(THERE[slug])
    assert list(_filters(slug)) == LAYOUTS[slug]["filters"]
    for name, each in _filters(slug).items():
        excluded = {keys[number] for number in each["scope"]["excluded"]}
        heeding = {key for key, given in THERE[slug].items() if _heeds(given, name)}
        if name != "period":
            # A chart without a time is not asked for one: Superset leaves it as it is.
            assert set(THERE[slug]) - excluded == heeding, name
            (target,) = each["targets"]
            column = IDS[name] if name == "country" else name
            assert target["column"]["name"] == column
            mart = next(
                path.stem
                for path in (BUNDLE / "datasets/Whop").iterdir()
                if identifier("dataset", path.stem) == target["datasetUuid"]
            )
            assert column in _columns(mart)
        assert heeding, f"{slug} has a filter {name} that no chart heeds"


@pytest.mark.parametrize("slug", LAYOUTS)
def test_filters_change_the_numbers_to_those_of_the_marts_under_the_same_where_clause(
    superset: Superset, warehouse: Warehouse, browser: Browser, slug: str
) -> None:
    if warehouse.engine != "duckdb" and slug != "whop-revenue":
        pytest.skip("one dashboard with every filter is enough for the other engine's SQL")
    chosen = {name: values for name, values in _chosen(warehouse).items() if name in _filters(slug)}
    masks = {
        each["id"]: _mask(each["id"], name, list(PERIOD) if name == "period"
                          else _titles(warehouse, name, chosen[name]))
        for name, each in _filters(slug).items()
    }  # fmt: skip
    with closing(superset.client()) as client:
        told = client.post(f"/api/v1/dashboard/{slug}/permalink", json={"dataMask": masks})
        assert told.status_code == 201, told.text
    link = told.json()["url"].removeprefix(superset.url)
    page = logged_in(browser, superset, 1440)
    found = opened(page, superset, slug, link=link)
    page.context.close()
    assert not found.wrong

    numbers = superset.ids("slices")
    wrong, idle = {}, set()
    bitten: set[str] = set()
    for key, given in THERE[slug].items():
        clauses = {
            name: _clause(given, name, values)
            for name, values in chosen.items()
            if _heeds(given, name)
        }
        should = warehouse.number(_query(given, [*clauses.values()]))
        is_ = shown(found.answers[numbers[identifier("chart", key).replace("-", "")]], given)
        if is_ != pytest.approx(should, rel=1e-9, abs=1e-6):
            wrong[key] = (is_, should)
        for name in clauses:
            others = [clause for other, clause in clauses.items() if other != name]
            if warehouse.number(_query(given, others)) != pytest.approx(should, rel=1e-9):
                bitten.add(name)
            else:
                idle.add((key, name))
    assert not wrong
    # What is compared above would be equal without a filter, too, where it takes nothing away.
    assert bitten == set(chosen), idle
    for name, each in _filters(slug).items():
        if name != "period":
            (target,) = each["targets"]
            mart = next(
                mart for mart in ("dim_companies", "dim_plans", "dim_products", "fct_payments")
                if identifier("dataset", mart) == target["datasetUuid"]
            )  # fmt: skip
            column = target["column"]["name"]
            there = warehouse.column(
                f"select distinct {column} from ({_dataset(mart)['sql']}) as dataset "
                f"where {column} is not null"
            )
            assert found.choices[each["id"]] - {None} == set(there), name
