"""Draws the report's charts as SVG, with Vega-Lite.

Why Vega-Lite, rendered here: a report that is e-mailed is opened in previews and mail programs that
run no JavaScript, so a chart must be a picture already, and stay sharp in print. Altair describes
the chart, vl-convert runs Vega itself on this machine, without a browser and without the network.
The libraries that draw in the reader's browser put 1 (ECharts) to 5 MB (plotly) of JavaScript into
every mail; matplotlib's SVG has its colours and its text fixed in it, so there would be no dark
scheme. Here colours are CSS variables, which the page sets for light, dark and print.

A picture scaled to a phone cannot be read. So each chart is drawn twice, and the page shows one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, Literal
from xml.etree import ElementTree

import altair as alt
import vl_convert

from .queries import Row

Drawing = Any
"""A chart of Altair, whose methods lose its type."""

Width = Literal["wide", "half", "narrow"]

PIXELS: dict[Width, int] = {"wide": 880, "half": 424, "narrow": 326}
NARROW_MONTHS = 12
"""Months a phone has room for."""

FEWEST_MONTHS = 6

SVG = "http://www.w3.org/2000/svg"
SHADES = 10
"""Steps of the heat map's colour; the page has a variable for each."""

INKS = ("low", "middle", "high")
"""Colours of the numbers on the shades: each can be read on its shades in light and in dark."""

GAINS = {"New": "--new", "Reactivation": "--back", "Expansion": "--expansion"}
LOSSES = {"Contraction": "--contraction", "Churn": "--churn"}


def draw(name: str, points: Sequence[Row]) -> dict[str, str]:
    """Return a chart twice: as wide as its place on a page (`wide`), and for a phone (`narrow`).

    Args:
        name: one of `CHARTS`.
        points: its rows, as `content` makes them; not empty.

    Returns:
        SVG elements, without scripts, links or colours of their own.
    """
    width, chart = CHARTS[name]
    return {
        "wide": _svg(chart(points, width), width),
        "narrow": _svg(chart(points, "narrow"), "narrow"),
    }


# ---------------------------------------------------------------------- the charts


def _mrr(points: Sequence[Row], width: Width) -> Drawing:
    base = _base(_recent(points, width)).encode(x=_months(points, width), y=_dollars("value:Q"))
    line = base.mark_line(color="var(--accent)", strokeWidth=2.5, aria=False)
    area = base.mark_area(color="var(--accent)", opacity=0.12, aria=False)
    dots = base.mark_circle(color="var(--accent)", size=26, opacity=1).encode(description="says:N")
    return alt.layer(area, line, dots)


def _stacked(
    colours: dict[str, str], axis: Callable[[str], alt.Y], order: Sequence[str] = ()
) -> Callable[[Sequence[Row], Width], Drawing]:
    """Bars of each month, a kind on the other."""

    def chart(points: Sequence[Row], width: Width) -> Drawing:
        kinds = [kind for kind in colours if any(point["kind"] == kind for point in points)]
        placed = [
            {**point, "place_in_stack": kinds.index(point["kind"])}
            for point in _recent(points, width)
            if point["value"]
        ]
        return (
            _base(placed)
            .mark_bar()
            .encode(
                x=_months(points, width),
                y=axis("value:Q"),
                color=alt.Color("kind:N")
                .scale(domain=kinds, range=[f"var({colours[kind]})" for kind in kinds])
                .legend(columns=_legend_columns(kinds, width)),
                order=alt.Order("place_in_stack:Q"),
                # The month under way is not over.
                opacity=alt.condition("datum.under_way", alt.value(0.45), alt.value(1)),
                description="says:N",
            )
        )

    return chart


def _bars(
    colours: dict[str, str], axis: Callable[[str], alt.X]
) -> Callable[[Sequence[Row], Width], Drawing]:
    """Lying bars, the longest first; the chart beside them says what the colours are."""

    def chart(points: Sequence[Row], width: Width) -> Drawing:
        kinds = [kind for kind in colours if any(point["kind"] == kind for point in points)]
        # Two products of one title are two bars.
        rows = [{**point, "place": str(number)} for number, point in enumerate(points)]
        titles = [point["place"] for point in points]
        room = 124 if width == "narrow" else 148
        names = alt.Axis(
            labelExpr=f"{json.dumps(titles)}[+datum.value]",
            # Letters may be wider where it is read than where it is drawn.
            labelLimit=0.75 * room,
            minExtent=room,
            maxExtent=room,
        )
        return (
            _base(rows)
            .mark_bar()
            .encode(
                x=axis("value:Q"),
                y=alt.Y("place:N").sort(None).axis(names).title(None),
                color=alt.Color("kind:N")
                .scale(domain=kinds, range=[f"var({colours[kind]})" for kind in kinds])
                .legend(None),
                description="says:N",
            )
            .properties(height=alt.Step(26))
        )

    return chart


def _cohorts(points: Sequence[Row], width: Width) -> Drawing:
    """Retention by cohort: each row a cohort, each column a month of its life."""
    shown = _recent(points, width)
    limit = NARROW_MONTHS if width == "narrow" else max(p["months_since"] for p in points) + 1
    cells = [
        {
            **point,
            "shade": min(int(point["value"] * SHADES), SHADES - 1),
            "ink": "low" if point["value"] < 0.5 else "middle" if point["value"] < 0.6 else "high",
            "percent": f"{point['value'] * 100:.0f}",
        }
        for point in shown
        if point["months_since"] < limit
    ]
    small = limit > 24
    base = _base(cells).encode(
        x=alt.X("months_since:O")
        .scale(domain=list(range(max(limit, NARROW_MONTHS))), paddingInner=0, paddingOuter=0)
        .title("Months since the first")
        .axis(orient="top", ticks=False, domain=False, labelAngle=0),
        y=alt.Y("cohort:O")
        .sort([point["cohort"] for point in shown if point["months_since"] == 0])
        .scale(paddingInner=0, paddingOuter=0)
        .title(None)
        .axis(ticks=False, domain=False, minExtent=96, maxExtent=96, labelLimit=92),
    )
    shades = list(range(SHADES))
    rects = base.mark_rect(stroke="var(--card)", strokeWidth=1).encode(
        color=alt.Color("shade:O")
        .scale(domain=shades, range=[f"var(--heat-{shade})" for shade in shades])
        .legend(None),
        description="says:N",
    )
    text = base.mark_text(fontSize=9 if small else 10, aria=False).encode(
        text="percent:N",
        color=alt.Color("ink:N")
        .scale(domain=list(INKS), range=[f"var(--heat-ink-{ink})" for ink in INKS])
        .legend(None),
    )
    return alt.layer(rects, text).resolve_scale(color="independent").properties(height=alt.Step(20))


# Each number by itself: an axis' own format would call 0 "$0k".
_DOLLARS = "format(datum.value, '$~s')"
_NUMBERS = "format(datum.value, '~s')"


def _dollars(field: str) -> alt.Y:
    return alt.Y(field).title(None).axis(labelExpr=_DOLLARS, tickCount=5, minExtent=40)


def _dollars_across(field: str) -> alt.X:
    return alt.X(field).title(None).axis(labelExpr=_DOLLARS, tickCount=4)


def _numbers(field: str) -> alt.Y:
    return (
        alt.Y(field).title(None).axis(labelExpr=_NUMBERS, tickCount=5, tickMinStep=1, minExtent=40)
    )


def _numbers_across(field: str) -> alt.X:
    return alt.X(field).title(None).axis(labelExpr=_NUMBERS, tickCount=4, tickMinStep=1)


def _legend_columns(kinds: Sequence[str], width: Width) -> int:
    return {"wide": len(kinds), "half": 3, "narrow": 3 if len(kinds) != 4 else 2}[width]


CHURN_COLOURS = {
    "Cancelled": "--churn",
    "Payment failed": "--contraction",
    "Not renewed": "--quiet",
}

CHARTS: dict[str, tuple[Width, Callable[[Sequence[Row], Width], Drawing]]] = {
    "mrr": ("wide", _mrr),
    "movements": ("wide", _stacked(GAINS | LOSSES, _dollars)),
    "customers": (
        "wide",
        _stacked({"New": "--new", "Came back": "--back", "Churned": "--churn"}, _numbers),
    ),
    "churn_types": ("half", _stacked(CHURN_COLOURS, _numbers)),
    "reasons": ("half", _bars(CHURN_COLOURS, _numbers_across)),
    "cohorts": ("wide", _cohorts),
    "revenue": (
        "wide",
        _stacked({"Net": "--accent", "Fees": "--quiet", "Refunded": "--churn"}, _dollars),
    ),
    "failed": (
        "half",
        _stacked({"Recovered": "--expansion", "Not recovered": "--contraction"}, _dollars),
    ),
    "trials": ("half", _stacked({"Converted": "--new", "Not by now": "--quiet"}, _numbers)),
    "products": ("wide", _bars({"Net revenue": "--accent"}, _dollars_across)),
}
"""Each chart's width on a page, and what draws it."""


# ---------------------------------------------------------------------- what they share


def _base(points: Sequence[Row]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=list(points)))


def _recent(points: Sequence[Row], width: Width) -> list[Row]:
    """The points, for a phone those of the newest months only."""
    if width != "narrow":
        return list(points)
    newest = sorted({point["month"] for point in points})[-NARROW_MONTHS:]
    return [point for point in points if point["month"] in newest]


def _months(points: Sequence[Row], width: Width) -> alt.X:
    months = sorted({point["month"] for point in _recent(points, width)})
    # A young account has few months: room for those before keeps its bars from being walls.
    while len(months) < FEWEST_MONTHS:
        first = date.fromisoformat(months[0])
        months.insert(0, (first - timedelta(days=1)).replace(day=1).isoformat())
    room = {"wide": 14, "half": 6, "narrow": 5}[width]
    step = -(-len(months) // room)
    # Counted from the newest, so that this one always has its name.
    named = months[::-1][::step][::-1]
    return (
        alt.X("month:O")
        .scale(domain=months)
        .title(None)
        .axis(
            values=named,
            labelAngle=0,
            labelExpr="timeFormat(datetime(datum.value + 'T00:00'), '%b %y')",
            labelOverlap=False,
            ticks=False,
        )
    )


CONFIG = {
    "background": None,
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--muted)",
        "titleColor": "var(--muted)",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
    },
    "axisX": {"grid": False},
    "axisY": {"domain": False, "ticks": False, "labelPadding": 6},
    "legend": {
        "orient": "top",
        "title": None,
        "labelColor": "var(--ink)",
        "labelFontSize": 12,
        "symbolType": "square",
        "symbolStrokeWidth": 0,
        "offset": 8,
        "columnPadding": 16,  # for wider letters, too
    },
    "scale": {"bandPaddingInner": 0.25, "bandPaddingOuter": 0.1},
}

_LITE_VERSION = "_".join(alt.SCHEMA_VERSION.split(".")[:2])


def _svg(chart: Drawing, width: Width) -> str:
    """Run Vega; return the element, ready to stand in a page."""
    spec = chart.to_dict()
    spec |= {
        "width": PIXELS[width],
        "autosize": {"type": "fit-x", "contains": "padding"},
        "padding": 2,
        "config": CONFIG,
    }
    spec.setdefault("height", 200)
    root = ElementTree.fromstring(vl_convert.vegalite_to_svg(spec, vl_version=_LITE_VERSION))
    for element in list(root.iter()):
        # In a page an element needs no namespace.
        element.tag = element.tag.removeprefix(f"{{{SVG}}}")
        says = element.attrib.get("aria-label") if element.tag in {"path", "rect"} else None
        for name in list(element.attrib):
            if name.startswith(("aria-", "{")) or name in _UNUSED:
                del element.attrib[name]
        if says:
            # What Vega says to screen readers only, browsers show to those who point at it.
            ElementTree.SubElement(element, "title").text = says
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img"}
    return ElementTree.tostring(root, encoding="unicode")


_UNUSED = {"class", "role", "pointer-events", "version", "font-family"}
"""Attributes that only a chart one can work with needs; the font is the page's."""
