"""The results as text: Markdown tables, wide enough to be read as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .registry import Figures, Group, Measurement

Outcome = Figures | str
"""What a measurement found, or why there is nothing."""


def render(group: Group, outcomes: Mapping[Measurement, Outcome]) -> str:
    """The group's table, and above it what it is about."""
    headings = ["", *group.columns]
    if group.compared:
        headings.append(group.ratio)
    baseline: Outcome | None = None
    rows = []
    remarks = []
    for measurement, outcome in outcomes.items():
        if measurement.name in group.baselines:
            baseline = outcome
        if isinstance(outcome, str):
            remarks.append(f"{measurement.label}: {outcome}")
            rows.append([measurement.label, *["-"] * (len(headings) - 1)])
            continue
        if outcome.get("note"):
            remarks.append(f"{measurement.label}: {outcome['note']}")
        cells = [_cell(column, outcome.get(column)) for column in group.columns]
        if group.compared:
            cells.append(_ratio(group.compared, baseline, outcome))
        rows.append([measurement.label, *cells])
    parts = [f"## {group.title}", group.text, table(headings, rows)]
    if remarks:
        parts.append("\n".join(f"- {remark}" for remark in remarks))
    return "\n\n".join(parts)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column to the left, the others to the right."""
    widths = [max(len(row[number]) for row in [headings, *rows]) for number in range(len(headings))]
    ruler = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [headings, ruler, *rows]
    return "\n".join(
        "| "
        + " | ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in lines
    )


def _ratio(column: str, baseline: Outcome | None, outcome: Figures) -> str:
    if baseline is None or isinstance(baseline, str):
        return "-"
    of, by = baseline.get(column), outcome.get(column)
    if not isinstance(of, int | float) or not isinstance(by, int | float) or not by:
        return "-"
    return f"{of / by:.2f}"


def _cell(column: str, value: float | str | None) -> str:
    if value is None or isinstance(value, str):
        return value or "-"
    if column == "share":
        return f"{value:.1%}"
    if isinstance(value, int) or value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}"
