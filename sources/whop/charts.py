"""Series of points that Whop charts: what is asked for, and the rows an answer becomes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from .client import Row
from .errors import WhopError
from .resource import Chart, Resource


def series_of(resource: Resource) -> Iterator[tuple[Chart, bool]]:
    """Yield the table's series: each chart, and whether it is the one by currency."""
    for chart in resource.charts:
        yield chart, False
        if chart.by_currency:
            yield chart, True


def question(
    chart: Chart, split: bool, company_id: str, lived: tuple[datetime, datetime]
) -> dict[str, str]:
    """The parameters that ask for a series, in whole days of UTC.

    Args:
        chart: the series.
        split: whether it is the one by currency.
        company_id: the company.
        lived: when the company began, and now, UTC.
    """
    since, until = (moment.strftime("%Y-%m-%d") for moment in lived)
    return {
        "account_id": company_id,
        "from": since,
        "to": until,
        "interval": chart.interval,
        **({"breakdown_by": "currency"} if split else {}),
    }


def points(answer: Row, chart: Chart, split: bool, company_id: str) -> list[Row]:
    """The rows of an answer: a point without a value is none.

    Raises:
        WhopError: it is no series of points.
    """
    data = answer.get("data")
    found = data.get("points") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(found, list):
        raise WhopError(f"GET /stats/time_series/{chart.metric}: the answer has no points")
    rows: list[Row] = []
    for point in found:
        try:
            at = datetime.fromtimestamp(point["timestamp"], UTC)
            parts: list[tuple[str | None, Any]] = [(None, point.get("value"))]
            if split:
                parts = [(part["name"].lower(), part.get("value")) for part in point["breakdown"]]
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise WhopError(
                f"GET /stats/time_series/{chart.metric}: a point that cannot be read: {error!r}"
            ) from error
        rows += [
            {
                "id": f"{company_id}/{chart.metric}/{source or 'all'}/{at:%Y-%m-%d}",
                "metric": chart.metric,
                "period": chart.interval,
                "period_start": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "source_currency": source,
                "currency": source or data.get("currency"),
                "value": value,
            }
            for source, value in parts
            if value is not None
        ]
    return rows
