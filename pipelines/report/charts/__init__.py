"""Draws the report's charts: which there are, and what each is made of.

A report that is e-mailed is opened in previews and mail programs that run no script, so a chart
must be a picture already, stay sharp in print, and have no colours of its own: the page sets them,
for light, dark and print, by the class of each shape. Here a chart is laid out (`columns`, `lying`,
`heat`: where is what, in pixels) as a `Drawing`, and `chart.svg.j2` writes it. That is all own
code on purpose: libraries bring colours, fonts and scripts that would have to be taken out again,
what is needed is a few hundred lines, and one in native code once ended the whole process over a
character in a product's title.

A picture scaled to a phone cannot be read. So each chart is laid out twice, as wide as its place
on a page and for a phone, and the page shows one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...figures import month_written
from ..queries import Row
from .columns import line, stacked
from .drawing import Drawing, Width, newest
from .heat import AVERAGE, heat_map
from .lying import lying
from .scale import dollars, number


@dataclass(frozen=True)
class Chart:
    """A chart of the report.

    Attributes:
        width: its place on a page.
        draw: lays out its points.
        colours: class of each kind of its points, in the order they are stacked.
        legend: whether the page has to say which colour is what.
        summary: what it shows, for who cannot see it.
    """

    width: Width
    draw: Callable[[Sequence[Row], Width, dict[str, str]], Drawing]
    colours: dict[str, str]
    legend: bool
    summary: Callable[[Sequence[Row]], str]


@dataclass(frozen=True)
class Picture:
    """A chart as it stands in the page."""

    place: Width
    wide: Drawing
    narrow: Drawing
    ranges: dict[int, Drawing]
    """As wide as its place, with so many months only."""
    legend: list[tuple[str, str]]
    """Kind and class; empty when there is nothing to tell apart."""
    summary: str


def draw(name: str, points: Sequence[Row], ranges: Sequence[int] = ()) -> Picture:
    """Return a chart as wide as its place on a page, and for a phone.

    Args:
        name: one of `CHARTS`.
        points: its rows, as `points` makes them; not empty.
        ranges: numbers of months that it is drawn with as well, where it goes by month.
    """
    chart = CHARTS[name]
    found = {point["kind"]: OTHER for point in points if point["value"]}
    known = {kind: colour for kind, colour in chart.colours.items() if kind in found}
    colours = {**known, **{kind: OTHER for kind in found if kind not in known}}
    return Picture(
        place=chart.width,
        wide=chart.draw(points, chart.width, colours),
        narrow=chart.draw(points, "narrow", colours),
        ranges={
            each: chart.draw(newest(points, each), chart.width, colours)
            for each in ranges
            if chart.summary is _by_month and len({point["month"] for point in points}) > each
        },
        legend=list(colours.items()) if chart.legend else [],
        summary=chart.summary(points),
    )


def _by_month(points: Sequence[Row]) -> str:
    months = sorted({point["month"] for point in points})
    full = [point["month"] for point in points if not point["under_way"]]
    newest = max(full, default=months[-1])
    said = ", ".join(
        f"{point['kind']} {point['written']}" for point in points if point["month"] == newest
    )
    first, last = month_written(months[0]), month_written(months[-1])
    return f"By month, {first} to {last}. {month_written(newest)}: {said}."


def _by_name(points: Sequence[Row]) -> str:
    return "; ".join(point["says"] for point in points) + "."


def _by_cohort(points: Sequence[Row]) -> str:
    months = sorted({point["month"] for point in points if point["month"] != AVERAGE})
    first, last = month_written(months[0]), month_written(months[-1])
    return (
        f"A row for the customers of each month, {first} to {last}; a column for each month after."
    )


OTHER = "quiet"
"""Colour of a kind that nobody knew of when this was written."""

CHURN = {
    "Canceled": "churn",
    "Failed or charged back": "contraction",
    "Not renewed": "quiet",
    "Goes on free": "back",
}

CHARTS: dict[str, Chart] = {
    "mrr": Chart("wide", line(dollars), {"MRR": "accent"}, False, _by_month),
    "movements": Chart(
        "wide",
        stacked(dollars),
        {
            "New": "new",
            "Reactivation": "back",
            "Expansion": "expansion",
            "Contraction": "contraction",
            "Churn": "churn",
        },
        True,
        _by_month,
    ),
    "customers": Chart(
        "wide",
        stacked(number),
        {"New": "new", "Came back": "back", "Churned": "churn"},
        True,
        _by_month,
    ),
    "churn_types": Chart("half", stacked(number), CHURN, True, _by_month),
    # The chart beside it says what its colours are.
    "reasons": Chart("half", lying, CHURN, False, _by_name),
    "cohorts": Chart("wide", heat_map, {}, False, _by_cohort),
    "revenue": Chart(
        "wide",
        stacked(dollars),
        {"Net": "accent", "Fees": "quiet", "Refunded": "churn", "Charged back": "contraction"},
        True,
        _by_month,
    ),
    "failed": Chart(
        "half",
        stacked(dollars),
        {"Recovered": "expansion", "Not recovered": "contraction"},
        True,
        _by_month,
    ),
    "left": Chart(
        "wide",
        stacked(dollars),
        {"Expected": "accent", "May be lost": "quiet", "Committed": "back"},
        True,
        _by_month,
    ),
    "trials": Chart(
        "half", stacked(number), {"Converted": "new", "Not by now": "quiet"}, True, _by_month
    ),
    "products": Chart("wide", lying, {"Net revenue": "accent"}, False, _by_name),
}
