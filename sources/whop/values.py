"""Reads one JSON value as a value of its column's type, or says that it is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Context, Decimal, InvalidOperation
from typing import Any

import orjson

from .resources import ColumnType

DECIMAL_PRECISION, DECIMAL_SCALE = 38, 9
"""Amounts: 29 digits before the point, nine after it, enough for bitcoin's eight."""

UNFIT = (ValueError, TypeError, InvalidOperation, OverflowError, OSError)
"""What the readers raise for a value that is not of their type."""


def to_json(value: Any) -> str:
    """The value as JSON."""
    return orjson.dumps(value).decode()


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        raise TypeError
    return to_json(value)


def _bigint(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or int(value) != value:
        raise TypeError
    if not -(2**63) <= value < 2**63:
        raise OverflowError
    return int(value)


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


_SMALLEST = Decimal(1).scaleb(-DECIMAL_SCALE)
_ALL_DIGITS = Context(prec=DECIMAL_PRECISION)
_LARGEST = Decimal(10) ** (DECIMAL_PRECISION - DECIMAL_SCALE)


def to_decimal(value: Any) -> Decimal:
    """The number as it was written: 10.43 stays 10.43, whatever a float makes of it."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    number = Decimal(repr(value) if isinstance(value, float) else value)
    if not number.is_finite() or abs(number) >= _LARGEST:
        raise ValueError
    if number.quantize(_SMALLEST, context=_ALL_DIGITS) != number:
        raise ValueError
    return number


def to_timestamp(value: Any) -> datetime:
    """ISO 8601, or Unix seconds: Whop's documentation has both."""
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    moment = datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


READERS: Mapping[ColumnType, Callable[[Any], Any]] = {
    "text": _text,
    "bigint": _bigint,
    "bool": _bool,
    "decimal": to_decimal,
    "timestamp": to_timestamp,
    "json": to_json,
}
