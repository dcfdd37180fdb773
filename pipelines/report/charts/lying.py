"""Lays out lying bars, one below the other, each with its name and its value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..queries import Row
from .drawing import PIXELS, Drawing, Label, Mark, Rule, Width
from .lettering import SIZE, shorten
from .lettering import width as text_width
from .scale import Scale

ROW, BAR = 26, 18
"""Pixels from bar to bar, and of a bar."""

NAMES: dict[Width, int] = {"wide": 240, "half": 140, "narrow": 120}
"""Room for the names at most."""

BESIDE = 6
"""Pixels between a bar and what is beside it."""

THIN = 1
"""Pixels of a bar that would be too short to be seen."""


def lying(points: Sequence[Row], width: Width, colours: dict[str, str]) -> Drawing:
    """Bars in the order of the points; those below 0 go to the left."""
    names = [shorten(point["name"], NAMES[width]) for point in points]
    names_end = max(map(text_width, names))
    left = names_end + BESIDE + _widest(p["written"] for p in points if p["value"] < 0)
    right = PIXELS[width] - _widest(p["written"] for p in points if p["value"] >= 0)
    values = [point["value"] for point in points]
    scale = Scale(min(0, *values), max(0, *values), left, right)
    zero = scale.at(0)
    drawing = Drawing(PIXELS[width], ROW * len(points))
    drawing.rules.append(Rule(zero, 0, zero, ROW * len(points), "zero"))
    for place, (point, name) in enumerate(zip(points, names, strict=True)):
        top = ROW * place + (ROW - BAR) / 2
        letters = ROW * place + ROW / 2 + SIZE / 3
        end = scale.at(point["value"])
        begin = min(zero, end)
        length = max(THIN, abs(end - zero))
        drawing.marks.append(Mark(begin, top, length, BAR, colours[point["kind"]], point["says"]))
        drawing.labels.append(Label(names_end, letters, name, "end name"))
        written = (
            Label(begin - BESIDE, letters, point["written"], "end")
            if point["value"] < 0
            else Label(begin + length + BESIDE, letters, point["written"], "start")
        )
        drawing.labels.append(written)
    return drawing


def _widest(texts: Iterable[str]) -> float:
    """Room for the widest of the values beside the bars, with what is between; 0 for none."""
    return max((BESIDE + text_width(text) for text in texts), default=0)
