"""What a chart is made of: shapes and letters, and where they are. Lengths are in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..queries import Row

Width = Literal["wide", "half", "narrow"]

PIXELS: dict[Width, int] = {"wide": 880, "half": 424, "narrow": 326}

NARROW_MONTHS = 12
"""Months a phone has room for."""


@dataclass(frozen=True)
class Mark:
    """A bar or a cell of a chart, and what it says when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    look: str
    """Classes of the page's style."""
    says: str


@dataclass(frozen=True)
class Dot:
    """A point of a line."""

    x: float
    y: float
    says: str


@dataclass(frozen=True)
class Rule:
    """A straight line of the scale."""

    x1: float
    y1: float
    x2: float
    y2: float
    look: str = ""


@dataclass(frozen=True)
class Label:
    """Letters; `x` is where they begin (`start`), end (`end`) or have their middle."""

    x: float
    y: float
    """Of the line they stand on."""
    text: str
    look: str
    """Classes of the page's style."""


@dataclass
class Drawing:
    """A chart for one width."""

    width: float
    height: float
    rules: list[Rule] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    line: str = ""
    """Path of a line."""
    area: str = ""
    """Path of what is below it."""
    dots: list[Dot] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)


def pixels(length: float) -> str:
    """A length to a tenth of a pixel, as short as it can be written."""
    return f"{round(length, 1):g}"


def recent(points: Sequence[Row], width: Width) -> list[Row]:
    """The points; for a phone those of the newest months only."""
    return newest(points, NARROW_MONTHS) if width == "narrow" else list(points)


def newest(points: Sequence[Row], months: int) -> list[Row]:
    """The points of so many months, the newest."""
    kept = set(sorted({point["month"] for point in points})[-months:])
    return [point for point in points if point["month"] in kept]
