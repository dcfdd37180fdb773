"""Lays out what goes by month: a line, and columns of one kind on the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ...figures import month_written
from ..queries import Row
from .drawing import PIXELS, Dot, Drawing, Label, Mark, Rule, Width, pixels, recent
from .lettering import SIZE
from .lettering import width as text_width
from .scale import LEAST, Form, Scale, ticks

FEWEST_MONTHS = 6
"""A young account has few months: room for those before keeps its columns from being walls."""

HEIGHT = 224
ABOVE, BELOW = 8, 24
"""Room above the highest tick, and below the lowest, for half a letter and for the months."""

LEAST_BESIDE = 40
"""Room for the numbers beside the scale; charts below one another then begin at one place."""

TICKS = 5
COLUMN = 0.75
"""Part of a month's room that its column takes."""

BETWEEN = 4
"""Pixels at least between the names of two months."""

STEPS = (1, 2, 3, 6, 12, 24)
"""Every how many months there may be a name."""


@dataclass(frozen=True)
class _Frame:
    """An empty chart: its scale, and where each month is."""

    drawing: Drawing
    scale: Scale
    middles: dict[date, float]
    room: float
    """Pixels that a month has."""


def line(form: Form) -> Callable[[Sequence[Row], Width, dict[str, str]], Drawing]:
    """A line over the months; `form` writes the numbers of its scale."""

    def draw(points: Sequence[Row], width: Width, colours: dict[str, str]) -> Drawing:
        shown = recent(points, width)
        frame = _frame(points, width, [point["value"] for point in shown], form)
        places = [(frame.middles[p["month"]], frame.scale.at(p["value"])) for p in shown]
        path = " ".join(f"{pixels(x)},{pixels(y)}" for x, y in places)
        frame.drawing.line = f"M{path}"
        frame.drawing.area = f"M{path} V{pixels(frame.scale.at(0))} H{pixels(places[0][0])} Z"
        frame.drawing.dots = [
            Dot(x, y, point["says"]) for (x, y), point in zip(places, shown, strict=True)
        ]
        return frame.drawing

    return draw


def stacked(form: Form) -> Callable[[Sequence[Row], Width, dict[str, str]], Drawing]:
    """A column for each month, what is above 0 upwards and what is below it downwards."""

    def draw(points: Sequence[Row], width: Width, colours: dict[str, str]) -> Drawing:
        order = list(colours)
        shown = sorted(
            (point for point in recent(points, width) if point["value"]),
            key=lambda point: (point["month"], order.index(point["kind"])),
        )
        piles: dict[tuple[date, bool], float] = defaultdict(float)
        spans = []
        for point in shown:
            pile = (point["month"], point["value"] > 0)
            spans.append((point, piles[pile], piles[pile] + point["value"]))
            piles[pile] += point["value"]
        frame = _frame(points, width, list(piles.values()), form)
        column = frame.room * COLUMN
        for point, begins, ends in spans:
            top, bottom = sorted((frame.scale.at(begins), frame.scale.at(ends)))
            # The month under way is not over.
            look = colours[point["kind"]] + (" pale" if point["under_way"] else "")
            left = frame.middles[point["month"]] - column / 2
            frame.drawing.marks.append(Mark(left, top, column, bottom - top, look, point["says"]))
        return frame.drawing

    return draw


def _frame(points: Sequence[Row], width: Width, values: Sequence[float], form: Form) -> _Frame:
    steps = ticks(values, TICKS, LEAST[form])
    scale = Scale(float(steps[0]), float(steps[-1]), HEIGHT - BELOW, ABOVE)
    names = {tick: form(tick, steps[1] - steps[0]) for tick in steps}
    left = max(LEAST_BESIDE, *(text_width(name) + 8 for name in names.values()))
    months = _months(points, width)
    # The newest month always has its name, and half of it may stick out of the month's room.
    newest = text_width(_name(months[-1]))
    right = PIXELS[width] - max(0.0, newest / 2 - (PIXELS[width] - left) / len(months) / 2)
    room = (right - left) / len(months)
    middles = {month: left + room * (place + 0.5) for place, month in enumerate(months)}
    drawing = Drawing(PIXELS[width], HEIGHT)
    for tick, name in names.items():
        y = scale.at(float(tick))
        drawing.rules.append(Rule(left, y, right, y, "" if tick else "zero"))
        drawing.labels.append(Label(left - 6, y + SIZE / 3, name, "end"))
    step = next((each for each in STEPS if each * room >= newest + BETWEEN), STEPS[-1])
    # Counted from the newest.
    drawing.labels += [
        Label(middles[month], HEIGHT - BELOW + 16, _name(month), "middle")
        for month in months[::-1][::step][::-1]
    ]
    return _Frame(drawing, scale, middles, room)


def _months(points: Sequence[Row], width: Width) -> list[date]:
    months: list[date] = sorted({point["month"] for point in recent(points, width)})
    while len(months) < FEWEST_MONTHS:
        months.insert(0, (months[0] - timedelta(days=1)).replace(day=1))
    return months


def _name(month: date) -> str:
    return month_written(month, short=True)
