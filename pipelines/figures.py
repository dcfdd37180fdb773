"""Figures and names as people read them: dollars to the cent, shares in per cent, clean titles."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
"""Stands for a figure that is not there: a share of nothing, a month before the first."""


def usd(value: Decimal | int | None) -> str:
    """US dollars, rounded half away from zero to the cent."""
    return _signed(value, "0.01", lambda text: f"${text}")


def count(value: Decimal | int | None) -> str:
    """A whole number."""
    return _signed(value, "1", str)


def counted(number: int, what: str) -> str:
    """A number of things of which the plural takes an s: 1 request, 2 requests."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def percent(value: Decimal | None) -> str:
    """A share (0.055) in per cent (5.5%)."""
    return _signed(None if value is None else 100 * value, "0.1", lambda text: f"{text}%")


def ratio(value: Decimal | None) -> str:
    """A quotient, to two decimals."""
    return _signed(value, "0.01", str)


def _signed(value: Decimal | int | None, step: str, dress: Callable[[str], str]) -> str:
    if value is None:
        return NOTHING
    rounded = Decimal(value).quantize(Decimal(step), ROUND_HALF_UP)
    return (MINUS if rounded < 0 else "") + dress(f"{abs(rounded):,}")
