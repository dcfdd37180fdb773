"""Figures and names as people read them: dollars to the cent, shares in per cent, clean titles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
"""Stands for a figure that is not there: a share of nothing, a month before the first."""


ENGLISH = "en"
_language: ContextVar[str] = ContextVar("language", default=ENGLISH)


@contextmanager
def written_in(language: str) -> Iterator[None]:
    """Write numbers and dates as a language does (`de`, `pt_BR`) while the block runs."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def month_written(day: date, *, short: bool = False) -> str:
    """The month a day is in, in words."""
    if _language.get() == ENGLISH:
        return f"{day:%b %Y}" if short else f"{day:%B %Y}"
    from babel.dates import format_skeleton

    return str(format_skeleton("yMMM" if short else "yMMMM", day, locale=_language.get()))


def day_written(day: date) -> str:
    """A day in words."""
    if _language.get() == ENGLISH:
        return f"{day:%-d %B %Y}"
    from babel.dates import format_date

    return str(format_date(day, "long", locale=_language.get()))


def usd(value: Decimal | int | None) -> str:
    """US dollars, rounded half away from zero to the cent."""
    return _signed(value, "0.01", lambda text: f"${text}")


def count(value: Decimal | int | None) -> str:
    """A whole number."""
    return _signed(value, "1", str)


def counted(number: int, what: str) -> str:
    """A number of things of which the plural takes an s: 1 request, 2 requests."""
    return f"{as_written(f'{number:,}')} {what}" + ("" if number == 1 else "s")


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
    return (MINUS if rounded < 0 else "") + dress(as_written(f"{abs(rounded):,}"))


def as_written(english: str) -> str:
    """A number written in English, with the signs between its digits that the language has."""
    if _language.get() == ENGLISH:
        return english
    from babel import Locale

    symbols = Locale.parse(_language.get()).number_symbols["latn"]
    between = {",": str(symbols["group"]), ".": str(symbols["decimal"])}
    return "".join(between.get(sign, sign) for sign in english)
