"""Whop's own statistics, asked for and read by Whop's own client."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from whop_sdk.errors.bad_request_error import BadRequestError
from whop_sdk.errors.forbidden_error import ForbiddenError
from whop_sdk.errors.not_found_error import NotFoundError
from whop_sdk.stats.time_series.types.retrieve_time_series_response import (
    RetrieveTimeSeriesResponse,
)

from whop_simulator import ALL_PERMISSIONS, Business, serve

from .conftest import Official
from .strict import faults

CHARTS = {
    "gross_revenue": "month",
    "total_refunded": "month",
    "fees": "month",
    "net_revenue": "month",
    "disputes": "month",
    "churn_rate": "month",
    "monthly_recurring_revenue": "day",
    "annual_recurring_revenue": "day",
}
"""Metric → the interval a sync asks for."""
BY_CURRENCY = ("gross_revenue", "total_refunded", "fees", "monthly_recurring_revenue")


def series(official: Official, business: Business, metric: str, **asked: Any) -> Any:
    """The series as the client gives it, after its answer was held against the client's types."""
    official.answers.clear()
    client = official.client.stats.time_series
    given = {
        "account_id": business.company_id,
        "from_": f"{datetime.fromtimestamp(business.start_ms / 1000, UTC):%Y-%m-%d}",
        "to": f"{business.clock:%Y-%m-%d}",
        **asked,
    }
    said = client.retrieve(metric, **given)
    ((_, answer),) = official.answers
    assert [*faults(RetrieveTimeSeriesResponse, answer)] == []
    return said.data


def by_start(points: Any) -> dict[datetime, Any]:
    return {datetime.fromtimestamp(point.timestamp, UTC): point for point in points}


def test_the_catalogue_names_every_metric_that_is_read(official: Official) -> None:
    listed = {each.key: each for each in official.client.stats.time_series.list().data}
    assert CHARTS.keys() == listed.keys()
    assert all("currency" in listed[metric].properties for metric in BY_CURRENCY)


@pytest.mark.parametrize("metric", CHARTS)
def test_every_series_is_as_the_client_has_it(
    official: Official, business: Business, metric: str
) -> None:
    said = series(official, business, metric, interval=CHARTS[metric])
    assert said.points
    assert [point.timestamp for point in said.points] == sorted(
        {point.timestamp for point in said.points}
    )


@pytest.mark.parametrize("metric", BY_CURRENCY)
def test_a_series_can_be_had_by_currency(
    official: Official, business: Business, metric: str
) -> None:
    asked = {"interval": CHARTS[metric], "breakdown_by": "currency"}
    split = series(official, business, metric, **asked)
    assert {part.name for point in split.points for part in point.breakdown} >= {"usd"}


def test_gross_revenue_is_what_was_paid_tax_included(
    official: Official, business: Business
) -> None:
    split = series(official, business, "gross_revenue", interval="month", breakdown_by="currency")
    paid: dict[tuple[str, str], float] = defaultdict(float)
    for row in business.rows("payments"):
        if row["status"] == "paid" and row["total"]:
            paid[row["paid_at"][:7], row["currency"]] += row["total"]
    told = {
        (f"{start:%Y-%m}", part.name): part.value
        for start, point in by_start(split.points).items()
        for part in point.breakdown
        if part.value
    }
    assert told == {key: pytest.approx(value, abs=0.006) for key, value in paid.items()}


def test_a_month_of_a_flow_is_the_sum_of_its_days_and_of_mrr_its_first_day(
    official: Official, business: Business
) -> None:
    def values(metric: str, interval: str) -> dict[datetime, float]:
        said = series(
            official, business, metric, interval=interval, currency="usd", from_="2024-03-01"
        )
        return {start: point.value for start, point in by_start(said.points).items()}

    months, days = (values("gross_revenue", each) for each in ("month", "day"))
    summed: dict[datetime, float] = defaultdict(float)
    for start, value in days.items():
        summed[start.replace(day=1)] += value
    assert months == {key: pytest.approx(value, abs=0.006) for key, value in summed.items()}
    months, days = (values("monthly_recurring_revenue", each) for each in ("month", "day"))
    assert len(months) > 12
    assert months == {start: days[start] for start in months}
    yearly = values("annual_recurring_revenue", "day")
    assert yearly == {start: pytest.approx(12 * value, abs=0.1) for start, value in days.items()}


def test_what_whop_refuses_is_refused(official: Official, business: Business) -> None:
    with pytest.raises(NotFoundError):
        series(official, business, "metric_of_nobody")
    for wrong in (
        {"breakdown_by": "product"},
        {"payment_method": "card"},
        {"interval": "fortnight"},
        {"from_": "yesterday"},
    ):
        with pytest.raises(BadRequestError) as refused:
            series(official, business, "net_revenue", **wrong)
        assert refused.value.body["error"].keys() == {"type", "message"}


def test_it_takes_a_permission(business: Business) -> None:
    with serve(business, permissions=ALL_PERMISSIONS - {"stats:read"}) as running:
        official = Official(running)
        with pytest.raises(ForbiddenError):
            series(official, business, "net_revenue")
        official.close()


def test_the_past_is_told_anew_when_a_payment_is_given_back() -> None:
    business = Business(members=60, years=1)
    with serve(business) as running:
        official = Official(running)
        day = business.clock - timedelta(days=20)
        asked = {"from_": f"{day:%Y-%m-%d}", "to": f"{day:%Y-%m-%d}", "interval": "day"}
        before = series(official, business, "monthly_recurring_revenue", **asked).points
        paid = next(
            row
            for row in business.rows("payments")
            if row["status"] == "paid"
            and row["billing_reason"] == "subscription_cycle"
            and not row["refunded_amount"]
            and row["paid_at"][:10] == f"{day:%Y-%m-%d}"
        )
        at = business.clock.isoformat()
        business.put("payments", {**paid, "refunded_amount": paid["total"], "refunded_at": at})
        after = series(official, business, "monthly_recurring_revenue", **asked).points
        assert after[0].value < before[0].value
        official.close()
