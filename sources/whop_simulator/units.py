"""Times, ids and money the way Whop writes them."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeGuard

Row = dict[str, Any]
"""As a list or an object shows it."""

HOUR = 3_600_000
DAY = 86_400_000

_EPOCH = date(1970, 1, 1)
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_DIGIT = {letter: value for value, letter in enumerate(_ALPHABET)}
_LENGTH = 14
_PRIME = 62**_LENGTH - 21  # the largest prime that still fits: every residue is one id
_STEP = 6_364_136_223_846_793_005_123_457
_STEP_BACK = pow(_STEP, -1, _PRIME)
_MASK = (1 << 64) - 1


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970; a moment without a time zone is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    """The moment in UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def parse_ms(text: str) -> int:
    """Raises ValueError when the text is no ISO 8601 time."""
    return to_ms(datetime.fromisoformat(text))


def ms_of(moment: str | float) -> int:
    """Of a time as a row has it: ISO 8601, or Unix seconds; raises ValueError or TypeError."""
    return parse_ms(moment) if isinstance(moment, str) else int(moment * 1000)


@lru_cache(maxsize=32_768)
def _day_text(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).isoformat()


def iso(ms: int) -> str:
    """As in an answer: 2023-12-01T05:00:00.401Z."""
    day, rest = divmod(ms, DAY)
    seconds, milliseconds = divmod(rest, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{_day_text(day)}T{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}Z"


def iso_or_none(ms: int | None) -> str | None:
    """The same for a time that may be missing."""
    return None if ms is None else iso(ms)


def key_of(*parts: object) -> int:
    """A large number that depends on every part and on nothing else."""
    text = "/".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big")


def mix(key: int, number: int) -> int:
    """64 well-spread bits (splitmix64): a row's look without a stored random state."""
    z = (key + number * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


class Ids:
    """Turns row numbers into ids like Whop's and back, so that no table of ids is needed."""

    def __init__(self, prefix: str, key: int) -> None:
        self.prefix = f"{prefix}_"
        self._offset = key % _PRIME

    @lru_cache(maxsize=65_536)  # noqa: B019 - lives as long as its company, and is bounded
    def encode(self, number: int) -> str:
        """The id of a row number."""
        value = (number * _STEP + self._offset) % _PRIME
        value, a = divmod(value, 3844)
        value, b = divmod(value, 3844)
        value, c = divmod(value, 3844)
        value, d = divmod(value, 3844)
        value, e = divmod(value, 3844)
        g, f = divmod(value, 3844)
        pairs = _PAIRS
        return (
            f"{self.prefix}{pairs[g]}{pairs[f]}{pairs[e]}{pairs[d]}{pairs[c]}{pairs[b]}{pairs[a]}"
        )

    def decode(self, text: str) -> int | None:
        """The number behind an id, or None when the id cannot be one of these."""
        code = text.removeprefix(self.prefix)
        if code == text or len(code) != _LENGTH:
            return None
        value = 0
        for letter in code:
            digit = _DIGIT.get(letter)
            if digit is None:
                return None
            value = value * 62 + digit
        number = (value - self._offset) * _STEP_BACK % _PRIME
        return number if number < 1 << 50 else None


class OneId(Ids):
    """The ids of a table with a single row, whose id was chosen by somebody else."""

    def __init__(self, only: str) -> None:
        self._only = only

    def decode(self, text: str) -> int | None:
        """0 for the one id there is."""
        return 0 if text == self._only else None


class EitherIds(Ids):
    """The ids of a table with rows of two kinds, each with a prefix of its own."""

    def __init__(self, one: Ids, other: Ids, since: int) -> None:
        self._kinds = (one, 0), (other, since)
        self._since = since

    def encode(self, number: int) -> str:  # type: ignore[override]
        """The id of a row number, which tells the kind."""
        kind, base = self._kinds[number >= self._since]
        return kind.encode(number - base)

    def decode(self, text: str) -> int | None:
        """The number behind an id of either kind."""
        for kind, base in self._kinds:
            number = kind.decode(text)
            if number is not None:
                return base + number
        return None


# US dollars for one unit, around which the rate swings; the second number shifts the swing.
_USD_RATE = {"eur": (1.085, 0.0), "gbp": (1.268, 1.1), "jpy": (0.00674, 2.3), "eth": (2900.0, 0.7)}
_SCALE = {"jpy": 1, "eth": 1_000_000}


def is_amount(value: object) -> TypeGuard[float]:
    """Whether it is a number at all: rows made by hand may hold anything."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def scale_of(currency: str) -> int:
    """Minor units in one major unit."""
    return _SCALE.get(currency, 100)


@lru_cache(maxsize=16_384)
def usd_rate(currency: str, day: int) -> float:
    """US dollars for one unit of a currency on a day since 1970."""
    if currency == "usd":
        return 1.0
    base, shift = _USD_RATE[currency]
    swing = 0.045 * math.sin(day / 67 + shift) + 0.012 * math.sin(day / 11 + 2 * shift)
    return round(base * (1 + swing), 6)


def usd_cents(minor: int, currency: str, at: int) -> int:
    """An amount in US cents, at the rate of the day."""
    if currency == "usd":
        return minor
    return round(minor * 100 / scale_of(currency) * usd_rate(currency, at // DAY))


def settled_in(currency: str, bits: int) -> str:
    """Whop pays out in dollars what was charged in yen, and now and then other money too."""
    return "usd" if currency == "jpy" or bits % 23 == 0 else currency


def settle(minor: int, currency: str, into: str, day: int) -> int:
    """An amount in the currency it is paid out in, at the rate of the day."""
    if currency == into:
        return minor
    if into == "usd":
        return usd_cents(minor, currency, day * DAY)
    dollars = usd_cents(minor, currency, day * DAY) / 100
    return round(dollars / usd_rate(into, day) * scale_of(into))


def kept_of(minor: int, currency: str, into: str, day: int) -> int:
    """What is left of a charge after the fees, without a list of them: it is asked for often."""
    if into != currency:
        return round(settle(minor, currency, into, day) * 0.956)
    left = minor - round(minor * 0.029)
    return left - min(30, left) if scale_of(currency) == 100 else left


def fees_of(minor: int, currency: str, into: str, day: int) -> list[tuple[str, int]]:
    """What is kept of a charge: type and amount, in the currency it is paid out in."""
    gross = settle(minor, currency, into, day)
    percentage = round(gross * 0.029)
    found = [("payment_processing_percentage_fee", percentage)]
    if into != currency:
        left = kept_of(minor, currency, into, day)
        found.append(("fx_percentage_fee", gross - percentage - left))
    elif scale_of(currency) == 100:
        found.append(("payment_processing_fixed_fee", min(30, gross - percentage)))
    return found
