"""Reads one JSON value as a value of its column's type, or says that it is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

import orjson

from .resources import ColumnType

DECIMAL_PRECISION, DECIMAL_SCALE = 38, 9
"""Amounts: 29 digits before the point, nine after it, enough for bitcoin's eight."""

UNFIT = (ValueError, TypeError, InvalidOperation, OverflowError, OSError, RecursionError)
"""What the readers raise for a value that is not of their type."""


FIRST_MOMENT = datetime(2010, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime(2200, 1, 1, tzinfo=UTC)
"""Between these a moment can be one of a Whop business. Whop began in 2021, and what a business has
brought along from elsewhere is some years older; nobody sells a term of more than a century. Year 1
or 1970 is what a program makes of no date at all, and a single one would give the models centuries
of days to count."""


class OutOfTime(ValueError):
    """A moment that no Whop business can have."""


def to_json(value: Any) -> str:
    """The value as JSON.

    Raises:
        TypeError: it is nested deeper than some 250 levels.
    """
    return orjson.dumps(value).decode()


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        raise TypeError
    return to_json(value)


def _bigint(value: Any) -> int:
    if isinstance(value, str):
        value = _number(value)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    if int(value) != value:
        raise ValueError
    if not -(2**63) <= value < 2**63:
        raise OverflowError
    return int(value)


def _number(text: str) -> Decimal:
    """A number that arrives as a text; Python would take `1_000` for one."""
    if "_" in text:
        raise ValueError
    return Decimal(text)


_BOOLEANS = {"true": True, "false": False}


def _bool(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in _BOOLEANS:
        return _BOOLEANS[value.lower()]
    if not isinstance(value, bool):
        raise TypeError
    return value


_SMALLEST = Decimal(1).scaleb(-DECIMAL_SCALE)
_ALL_DIGITS = Context(prec=DECIMAL_PRECISION)
_LARGEST = Decimal(10) ** (DECIMAL_PRECISION - DECIMAL_SCALE)


def to_decimal(value: Any) -> Decimal:
    """The number as it was written: 10.43 stays 10.43, whatever a float makes of it.

    More than nine decimals are rounded, half away from zero: 19.990000000000002 is the noise of a
    sum of floats at Whop, and no reason to have no amount.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    number = _number(repr(value) if isinstance(value, float) else str(value))
    if not number.is_finite() or abs(number) >= _LARGEST:
        raise ValueError
    return number.quantize(_SMALLEST, ROUND_HALF_UP, _ALL_DIGITS)


def to_timestamp(value: Any) -> datetime:
    """ISO 8601, or Unix seconds, which may be a text: Whop's documentation has both.

    Raises:
        OutOfTime: the moment is none that a Whop business can have.
    """
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, str) and value.isdecimal() and len(value) > len("20231201"):
        value = int(value)
    if isinstance(value, int | float):
        moment = datetime.fromtimestamp(value, UTC)
    else:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if not FIRST_MOMENT <= moment < LAST_MOMENT:
        raise OutOfTime
    return moment


READERS: Mapping[ColumnType, Callable[[Any], Any]] = {
    "text": _text,
    "bigint": _bigint,
    "bool": _bool,
    "decimal": to_decimal,
    "timestamp": to_timestamp,
    "json": to_json,
}
