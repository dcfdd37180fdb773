"""Whop's own numbers beside ours, on what a sync has loaded from a Whop with rules of its own."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from loading import Line, assert_clean

from whop_simulator import ALL_PERMISSIONS, Business, Fault, serve
from whop_source.resources import BY_NAME

RULES = (
    *("dates", "tax", "currency", "disputes", "other_fees", "grace", "paused", "instalments"),
    "unexplained",
)
CENTS = Decimal("0.05")
"""Whop rounds each currency of each period to the cent."""


def rows(line: Line, metric: str) -> dict[date, dict[str, Any]]:
    found = [row for row in line.warehouse.read("whop_comparison") if row["metric"] == metric]
    return {row["month"]: row for row in found}


def test_every_metric_that_is_read_is_compared_and_its_parts_make_the_difference(
    built: Line,
) -> None:
    found = built.warehouse.read("whop_comparison")
    assert {row["metric"] for row in found} == {chart.metric for chart in BY_NAME["stats"].charts}
    for row in found:
        assert row["difference"] == row["whop_value"] - row["our_value"]
        assert row["difference"] == sum(row[f"{rule}_difference"] for rule in RULES), row
    for rule in ("dates", "tax", "currency", "other_fees", "grace", "unexplained"):
        assert any(row[f"{rule}_difference"] for row in found), f"{rule} makes none"


def test_of_revenue_nothing_is_left_unexplained(built: Line) -> None:
    for metric in ("gross_revenue", "total_refunded", "disputes", "fees"):
        months = rows(built, metric)
        assert len(months) > 12
        assert any(row["difference"] for row in months.values()), metric
        assert all(abs(row["unexplained_difference"]) <= CENTS for row in months.values()), [
            row for row in months.values() if abs(row["unexplained_difference"]) > CENTS
        ][:3]


def test_of_mrr_most_of_what_is_apart_is_put_down_to_a_rule(built: Line) -> None:
    months = rows(built, "monthly_recurring_revenue")
    later = [row for month, row in months.items() if month >= sorted(months)[6]]
    assert all(abs(row["unexplained_difference"]) < row["our_value"] / 10 for row in later)
    apart = sum(abs(row["difference"]) for row in later)
    left = sum(abs(row["unexplained_difference"]) for row in later)
    assert left < apart, (left, apart)
    yearly = rows(built, "annual_recurring_revenue")
    assert all(
        abs(yearly[month]["whop_value"] - 12 * row["whop_value"]) < 1
        and yearly[month]["our_value"] == 12 * row["our_value"]
        for month, row in months.items()
    )


def test_the_past_is_read_anew(loaded: Line) -> None:
    before = loaded.rows("stats")
    loaded.business.advance(timedelta(days=40))
    run = loaded.sync(None, "companies", "stats")
    assert run.code == 0
    after = loaded.rows("stats")
    assert before.keys() < after.keys()
    told_anew = [key for key, row in before.items() if after[key]["value"] != row["value"]]
    assert told_anew, "nothing was refunded in forty days"
    asked = run.asked("GET /stats/time_series/{id}")
    assert len(asked) == 12
    assert {query["to"] for query in asked} == {f"{loaded.business.clock:%Y-%m-%d}"}


def test_without_the_permission_it_is_left_out_and_said_once(empty: Line) -> None:
    business = Business(members=20, years=0.5, company_id=empty.business.company_id)
    with serve(business, permissions=frozenset(ALL_PERMISSIONS) - {"stats:read"}) as server:
        run = empty.sync(server)
        assert run.code == 0
        (said,) = [notice for notice in run.report.left_out.values() if "stats" in notice]
        assert "stats is left out" in said and "stats:read" in said
        assert empty.sync(server, "companies", "stats").code == 3, "named, it is missed"
    assert_clean(empty.warehouse.dbt("build").stdout)
    assert empty.warehouse.read("whop_comparison") == []


def test_a_metric_that_whop_does_not_have_is_left_out_and_the_others_stay(loaded: Line) -> None:
    before = loaded.rows("stats")
    loaded.server.faults.add("GET /stats/time_series/{id}", Fault("status", 404, at=(3,)))
    run = loaded.sync(None, "companies", "stats")
    assert run.code == 0
    assert any("left out" in note for note in run["stats"].notes)
    after = loaded.rows("stats")
    assert after.keys() == before.keys()
    assert not any(row["_whop_deleted_at"] for row in after.values())
