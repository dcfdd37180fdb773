"""The two surfaces of Whop's API: how each is asked, and how its rows get the one shape of ours.

Whop keeps some sixty versions, each named by a date; a version says of every endpoint whether it
speaks the older surface (Legacy) or the newer one (Current). Facts from Whop's page "API Versions",
from the types and docstrings of `whop-sdk` 0.0.40 (Legacy) and 2.6.0 (Current), November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from .errors import OtherSurface

Row = dict[str, Any]

NO_VERSION = "none"
"""In place of a version: no header is sent, and the key's own version answers."""

_TURNED = "2026-09-02-1"
"""From this version on payments, the last of the large tables, are those of Current."""


@dataclass(frozen=True, slots=True)
class Surface:
    """How one surface is asked."""

    name: Literal["legacy", "current"]
    version: str
    """The version of it that this project is written for."""
    tenant: str
    """The name its lists have for the company."""
    brackets: bool
    """Whether several values of a parameter are written `statuses[]=a`, or the name repeated."""

    def __str__(self) -> str:
        return self.name.capitalize()


LEGACY = Surface("legacy", "2025-01-01", "company_id", True)
CURRENT = Surface("current", "2026-10-15-1", "account_id", False)
SURFACES = (LEGACY, CURRENT)


def surface_of(version: str) -> Surface:
    """Return the surface that a version is nearest to.

    Args:
        version: a date as Whop names its versions (`2026-10-15-1`), or `none`: what the key gets
            then cannot be known, and rows of another shape than Legacy's are refused.

    Raises:
        ValueError: it is no date; the text names the setting.
    """
    if version == NO_VERSION:
        return LEGACY
    found = re.fullmatch(r"(\d{4}-\d{2}-\d{2})(-\d{1,3})?", version)
    try:
        date.fromisoformat(found[1] if found else version)
    except ValueError:
        found = None
    if found is None:
        raise ValueError(
            f"SOURCES__WHOP__API_VERSION is {version!r}, no version of Whop's: it can be "
            f"{LEGACY.version} ({LEGACY}), {CURRENT.version} ({CURRENT}), another date of Whop's, "
            f"or {NO_VERSION}"
        )
    return LEGACY if version < _TURNED else CURRENT


def is_tried(version: str) -> bool:
    """Whether the version is one that this project is written for and tested with."""
    return version in {each.version for each in SURFACES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a surface's rows of one table differ from ours. Paths are written `user.email`."""

    left_out: tuple[str, ...] = ()
    """Fields that are not loaded: pictures and icons, and what another table has."""
    moves: Mapping[str, str] = field(default_factory=dict)
    """Path in the answer → path in our row."""
    money: Mapping[str, str | None] = field(default_factory=dict)
    """Path of `{amount, currency}` → path that names its currency: filled where it is empty; where
    it names another one the amount is not of that column, and stays an object, which goes to
    `_whop_extra`. None: the name says the currency."""
    numbers: tuple[str, ...] = ()
    """Paths, in our row, of amounts that are written as texts."""
    copies: Mapping[str, str] = field(default_factory=dict)
    """Path in our row, after all that → a further path the value goes to."""
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Column → value in the answer → the word that Legacy has for it."""
    percentages: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Path of a fraction (0.2) that we hold in percent (20) → a column, and the value of it that
    makes the number a percentage."""
    states: tuple[tuple[str, str, str, str], ...] = ()
    """Column, value, and the flag with which that value is another: `active` with
    `cancel_at_period_end` is `canceling`."""
    telling: tuple[tuple[str, str], ...] = ()
    """Pairs of fields of one meaning: this surface's name, the other's. By them a row that is of
    the other surface is recognized."""

    def read(self, row: Row) -> Row:
        """Return the row in our shape; it may be the same object, changed.

        Raises:
            OtherSurface: the row is of the other surface.
        """
        if self.telling:
            here = there = 0
            for ours, theirs in self.telling:
                has = ours in row
                if has is not (theirs in row):
                    here += has
                    there += not has
            if there > here:
                raise OtherSurface("")
        for path in self.left_out:
            _pop(row, path)
        taken = [(to, _pop(row, path)) for path, to in self.moves.items()]
        for to, value in taken:
            if value is not _ABSENT:
                _put(row, to, value)
        for path, names in self.money.items():
            self._read_money(row, path, names)
        for path in self.numbers:
            if (value := _get(row, path)) is not None:
                _put(row, path, _number(value))
        for path, to in self.copies.items():
            if (value := _get(row, path)) is not None:
                _put(row, to, value)
        for path, means in self.values.items():
            if isinstance(value := row.get(path), str) and value in means:
                row[path] = means[value]
        for path, (column, kind) in self.percentages.items():
            value = row.get(path)
            if row.get(column) == kind and isinstance(value, int | float):
                if value > 1:
                    raise OtherSurface("")
                row[path] = _number(str(Decimal(repr(value)) * 100))
        for column, value, flag, becomes in self.states:
            if row.get(column) == value and row.get(flag) is True:
                row[column] = becomes
        return row

    @staticmethod
    def _read_money(row: Row, path: str, names: str | None) -> None:
        value = _get(row, path)
        if not isinstance(value, dict) or not value.keys() >= {"amount", "currency"}:
            return
        if names is not None:
            known = _get(row, names)
            if known is None:
                _put(row, names, value["currency"])
            elif known != value["currency"]:
                return
        _put(row, path, _number(value["amount"]))


AS_IS = Shape()
_ABSENT: Any = object()


def _pop(row: Row, path: str) -> Any:
    if "." not in path:
        return row.pop(path, _ABSENT)
    *parents, last = path.split(".")
    node: Any = row
    for key in parents:
        node = node.get(key) if isinstance(node, dict) else None
    return node.pop(last, _ABSENT) if isinstance(node, dict) else _ABSENT


def _get(row: Row, path: str) -> Any:
    value: Any = row
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _put(row: Row, path: str, value: Any) -> None:
    """Put a value in, making the objects on its way."""
    *parents, last = path.split(".")
    node = row
    for key in parents:
        child = node.get(key)
        if not isinstance(child, dict):
            if value is None:
                # No id in place of an object means that there is no such object.
                node.setdefault(key, None)
                return
            child = node[key] = {}
        node = child
    node[last] = value


def _number(amount: Any) -> Any:
    """A decimal text as a number where a float keeps its every digit; else as it is."""
    if not isinstance(amount, str) or len(amount) > 15:
        return amount
    try:
        number = float(amount)
    except ValueError:
        return amount
    return int(number) if number.is_integer() else number
