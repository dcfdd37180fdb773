"""Pages of a list: which rows, where they begin and end, and what their cursors say."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from .endpoint import PAGING
from .refusal import Refused
from .tables import place_after, place_before, sort_key

PAGE_SIZE = 100
"""Default and maximum where Whop documents one."""

_AS_OF_THE_LEDGER = {"limit": "first", "cursor": "after"}


@dataclass(frozen=True)
class Window:
    """Which side of which cursor, how many, and whether counted from the front."""

    side: str | None
    forward: bool
    size: int
    cursor: list[Any] | None


def window(query: dict[str, Sequence[str]], names: Sequence[str] = PAGING) -> Window:
    """Takes the paging parameters of those names out of a query; raises Refused."""
    given: dict[str, str | None] = dict.fromkeys(PAGING)
    for name in names:
        given[_AS_OF_THE_LEDGER.get(name, name)] = one(query, name)
    if given["first"] is not None and given["last"] is not None:
        raise Refused(400, "Provide either first or last, not both.")
    if given["after"] is not None and given["before"] is not None:
        raise Refused(400, "Provide either after or before, not both.")
    backward = given["last"] is not None or (given["before"] is not None and given["first"] is None)
    size = PAGE_SIZE
    for name in ("first", "last"):
        text = given[name]
        if text is not None:
            if not text.isascii() or not text.isdigit() or int(text) < 1:
                raise Refused(400, f"Invalid value for {name}: {text}")
            size = min(int(text), PAGE_SIZE)
    side = "after" if given["after"] is not None else "before"
    text = given[side]
    if text is None:
        return Window(None, not backward, size, None)
    return Window(side, not backward, size, _read_cursor(text))


def page(
    rows: list[Any],
    order: str,
    descending: bool,
    asked: Window,
    paging: Literal["keyset", "offset"],
) -> tuple[list[Any], dict[str, Any]]:
    """The rows of one page, and where it begins and ends.

    Places are counted in the direction asked for; `rows` always ascends.
    """
    count = len(rows)
    start, stop = 0, count
    keyset = paging == "keyset"
    if asked.side is not None:
        assert asked.cursor is not None
        if keyset:
            try:
                missing, value, number = asked.cursor
                key = (bool(missing), value, int(number))
                low, high = place_before(rows, order, key), place_after(rows, order, key)
            except (TypeError, ValueError):
                raise Refused(400, "Invalid cursor for this order.") from None
            if descending:
                low, high = count - high, count - low
        else:
            low = min(int(asked.cursor[0]), count)
            high = min(low + 1, count)
        start, stop = (high, count) if asked.side == "after" else (0, low)
    if asked.forward:
        stop = min(stop, start + asked.size)
    else:
        start = max(start, stop - asked.size)
    if descending:
        low, high = count - stop, count - start
        found = rows[low:high][::-1]
    else:
        found = rows[start:stop]
    get = sort_key(order)

    def cursor_at(place: int) -> str | None:
        if not found:
            return None
        position = list(get(found[place - start])) if keyset else [place]
        return _write_cursor(position)

    return found, {
        "start_cursor": cursor_at(start),
        "end_cursor": cursor_at(stop - 1),
        "has_next_page": stop < count,
        "has_previous_page": start > 0,
    }


def one(query: dict[str, Sequence[str]], name: str) -> str | None:
    """Takes a parameter out of a query that can be given once; raises Refused."""
    values = query.pop(name, None)
    return None if values is None else only(name, values)


def only(name: str, values: Sequence[str]) -> str:
    """The one value; raises Refused when there are several."""
    if len(values) != 1:
        raise Refused(400, f"Give {name} once.")
    return values[0]


def _write_cursor(position: list[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode().rstrip("=")


def _read_cursor(text: str) -> list[Any]:
    try:
        position = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        raise Refused(400, f"Invalid cursor: {text}") from None
    if not isinstance(position, list) or not position:
        raise Refused(400, f"Invalid cursor: {text}")
    return position


Query = Mapping[str, Sequence[str]]
"""The parameters of a request, each with every value it was given."""
