"""Lays out a heat map: a row for each cohort, a column for each month of its life."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from ..queries import Row
from .drawing import NARROW_MONTHS, PIXELS, Drawing, Label, Mark, Width, recent
from .lettering import SIZE
from .lettering import width as text_width

SHADES = 10
"""Steps of the colour; the page has a variable for each."""

AVERAGE = date.max
"""Stands for the month of the row of averages, which is the last."""

ROW = 20
ABOVE = 34
"""Room for the title of the columns, and for their numbers."""

TIGHT = 22
"""Cells narrower than this (pixels) have smaller numbers in them."""


def heat_map(points: Sequence[Row], width: Width, colours: dict[str, str]) -> Drawing:
    """Cells in shades of one colour, each with its share in per cent."""
    shown = recent(points, width)
    columns = max(point["months_since"] for point in shown) + 1
    if width == "narrow":
        columns = min(columns, NARROW_MONTHS)
    names = {point["month"]: point["name"] for point in shown}
    rows = {month: ABOVE + ROW * place for place, month in enumerate(sorted(names))}
    left = max(map(text_width, names.values())) + 6
    right = PIXELS[width]
    # A young account's cells are no walls.
    cell = (right - left) / max(columns, NARROW_MONTHS)
    drawing = Drawing(PIXELS[width], ABOVE + ROW * len(rows))
    drawing.labels.append(Label((left + right) / 2, SIZE, "Months since the first", "middle"))
    drawing.labels += [
        Label(left + cell * (each + 0.5), ABOVE - 6, str(each), "middle")
        for each in range(max(columns, NARROW_MONTHS))
    ]
    drawing.labels += [
        Label(left - 6, rows[month] + ROW / 2 + SIZE / 3, name, "end")
        for month, name in names.items()
    ]
    look = "cell small" if cell < TIGHT else "cell"
    for point in shown:
        if point["months_since"] >= columns:
            continue
        x, y = left + cell * point["months_since"], rows[point["month"]]
        share = point["value"]
        shade = min(int(share * SHADES), SHADES - 1)
        ink = "low" if share < 0.5 else "middle" if share < 0.6 else "high"
        drawing.marks.append(Mark(x, y, cell, ROW, f"heat-{shade}", point["says"]))
        drawing.labels.append(
            Label(x + cell / 2, y + ROW / 2 + SIZE / 3, f"{share * 100:.0f}", f"{look} ink-{ink}")
        )
    return drawing
