"""The scale of a chart: round numbers along it, how they are written, and where a value is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from ...figures import MINUS

Form = Callable[[Decimal, Decimal], str]
"""Writes a tick of a scale; the other number is the step between two."""

UNITS = (
    (Decimal(10) ** 12, "T"),
    (Decimal(10) ** 9, "B"),
    (Decimal(10) ** 6, "M"),
    (Decimal(1000), "k"),
)


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high`, along a line from `start` to `end` (pixels)."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value is."""
        return self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low)


def ticks(values: Iterable[float], about: int, least: Decimal) -> tuple[Decimal, ...]:
    """Round numbers (steps of 1, 2 or 5 times a power of ten) from below to above all values and 0.

    Args:
        values: what must have room.
        about: how many steps there should be; there may be half or twice as many.
        least: the smallest step that makes sense, a power of ten.
    """
    found = [0.0, *values]
    low, high = min(found), max(found)
    rough = max((high - low) / about, float(least))
    power = math.floor(math.log10(rough))
    factor = next((each for each in (1, 2, 5) if rough <= each * 1.42 * 10.0**power), 10)
    step = Decimal(factor).scaleb(power)
    first, last = math.floor(low / float(step)), math.ceil(high / float(step))
    last = max(last, first + 1)
    return tuple(each * step for each in range(first, last + 1))


def number(tick: Decimal, step: Decimal) -> str:
    """A tick as short as it can be written: 1500 is 1.5k among steps of 500."""
    return _short(tick, step, "")


def dollars(tick: Decimal, step: Decimal) -> str:
    """A tick in US dollars: -2000 is -$2k among steps of 1000."""
    return _short(tick, step, "$")


def _short(tick: Decimal, step: Decimal, currency: str) -> str:
    # One unit for the whole scale, and not one that makes fractions of fractions.
    unit, letter = next((each for each in UNITS if step * 2 >= each[0]), (Decimal(1), ""))
    text = f"{(abs(tick) / unit).normalize():,f}"
    if currency and step != step.to_integral_value():
        text = f"{abs(tick):,.2f}"
    return (MINUS if tick < 0 else "") + currency + text + (letter if tick else "")


LEAST: dict[Form, Decimal] = {number: Decimal(1), dollars: Decimal("0.01")}
"""Smallest step of a scale written so: there is no half customer, and nothing below a cent."""
