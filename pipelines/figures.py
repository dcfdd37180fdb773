"""Figures and names as people read them: dollars to the cent, shares in per cent, clean titles."""

from __future__ import annotations

import re
import unicodedata
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


_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(
        f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
    )
    + "]"
)
_SEEN_AS_A_BREAK = {"\x0b", "\x0c", "\x85"}
_UNSEEN = {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"}
"""Categories of Unicode that leave no ink."""


def printable(text: str) -> str:
    """Take out what no page and no terminal shows, and some obey.

    That is control characters (C0 without tab and line ends, C1), half surrogate pairs and
    non-characters. What slides and word processors break a line with is a blank.
    """
    return _UNPRINTABLE.sub(lambda found: " " if found[0] in _SEEN_AS_A_BREAK else "", text)


def named(title: str | None, otherwise: str) -> str:
    """A title as it can be shown; what to say instead when it has none, or nothing of it shows."""
    clean = printable(title or "")
    seen = any(unicodedata.category(character) not in _UNSEEN for character in clean)
    return clean if seen else otherwise
