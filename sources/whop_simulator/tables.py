"""A table of rows that can be filtered, sorted and searched without reading all of it each time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from itertools import count
from operator import attrgetter
from typing import Any

from .facets import facet
from .units import Ids, Row

Test = tuple[str, str, Any]
"""A property, how it is compared, and with what."""

_HAND_MADE = 1 << 52  # beyond every number an id can stand for
_KEPT_LISTS = 32


class PlainRow:
    """A finished row, with the properties that filters and orders look at."""

    def __init__(self, row: Row, number: int, now: int) -> None:
        self.row = row
        self.number = number
        self._now = now

    def __getattr__(self, name: str) -> Any:
        value = facet(self.row, _ALIASES.get(name, name), self._now)
        self.__dict__[name] = value
        return value


_ALIASES = {
    "action": "most_recent_action",
    "reason": "billing_reason",
    "kind": "payment_method_type",
}


def finished(rows: Callable[[Any], Iterable[tuple[int, Row]]]) -> Callable[[Any], list[PlainRow]]:
    """A maker of finished rows, filtered and sorted by what they say."""

    def make(business: Any) -> list[PlainRow]:
        found = [PlainRow(row, number, business.clock_ms) for number, row in rows(business)]
        return sorted(found, key=attrgetter("number"))

    return make


class Table:
    """The rows of one resource: generated ones, and those put in or taken out by hand."""

    def __init__(self, generate: Callable[[], list[Any]], ids: Ids) -> None:
        self._generate = generate
        self._ids = ids
        self._by_hand: dict[str, PlainRow] = {}
        self._gone: set[str] = set()
        self._free_numbers = count(_HAND_MADE)
        self.forget()

    def forget(self) -> None:
        """Everything kept is out of date."""
        self._rows: list[Any] | None = None
        self._orders: dict[str, list[Any]] = {}
        self._values: dict[str, dict[Any, list[Any]]] = {}
        self._lists: OrderedDict[tuple[tuple[Test, ...], str], list[Any]] = OrderedDict()

    def put(self, row: Row, now: int) -> None:
        """Insert the row, or replace the one with its id."""
        key = row["id"]
        number = self._ids.decode(key)
        if number is None:
            known = self._by_hand.get(key)
            number = known.number if known else next(self._free_numbers)
        self._by_hand[key] = PlainRow(row, number, now)
        self._gone.discard(key)
        self.forget()

    def remove(self, key: str) -> None:
        """Take the row out, as if it had never been."""
        self._by_hand.pop(key, None)
        self._gone.add(key)
        self.forget()

    def rows(self) -> list[Any]:
        """All of them, in the order of their numbers."""
        if self._rows is None:
            rows = self._generate()
            if self._by_hand or self._gone:
                numbers = {self._ids.decode(key) for key in (*self._by_hand, *self._gone)}
                rows = [row for row in rows if row.number not in numbers]
                rows = sorted([*rows, *self._by_hand.values()], key=attrgetter("number"))
            self._rows = rows
        return self._rows

    def having(self, name: str, value: Any) -> list[Any]:
        """The rows with that value of a property."""
        return self._by_value(name).get(value, [])

    def find(self, key: str) -> Any | None:
        """The row with that id."""
        if key in self._by_hand:
            return self._by_hand[key]
        number = self._ids.decode(key)
        if number is None:
            return None
        rows = self.rows()
        place = bisect_left(rows, number, key=attrgetter("number"))
        if place < len(rows) and rows[place].number == number:
            return rows[place]
        return None

    def ordered(self, name: str) -> list[Any]:
        """All rows, lowest value first, those without one last; equal ones by number."""
        if name not in self._orders:
            get = attrgetter(name)
            valued = [row for row in self.rows() if get(row) is not None]
            bare = [row for row in self.rows() if get(row) is None]
            # Python's sort keeps the order of equals, and rows() is in the order of numbers.
            self._orders[name] = sorted(valued, key=get) + bare
        return self._orders[name]

    def select(self, tests: tuple[Test, ...], order: str) -> list[Any]:
        """The rows that pass all tests, in ascending order."""
        if not tests:
            return self.ordered(order)
        kept = self._lists.get((tests, order))
        if kept is not None:
            self._lists.move_to_end((tests, order))
            return kept
        few = self._few(tests)
        rows = self.ordered(order) if few is None else few
        for test in tests:
            rows = _passing(rows, test)
        if few is not None:
            rows = sorted(rows, key=sort_key(order))
        self._lists[tests, order] = rows
        if len(self._lists) > _KEPT_LISTS:
            self._lists.popitem(last=False)
        return rows

    def _few(self, tests: Iterable[Test]) -> list[Any] | None:
        """A small set that holds all rows that can pass, if one of the tests gives such a set."""
        best: list[Any] | None = None
        limit = len(self.rows()) // 8
        for name, kind, wanted in tests:
            if kind in ("in", "any"):
                values = self._by_value(name)
                if sum(len(values.get(value, ())) for value in wanted) < limit:
                    found = {id(row): row for value in wanted for row in values.get(value, ())}
                    best, limit = list(found.values()), len(found)
            elif kind in ("after", "from", "before", "until"):
                rows, get = self.ordered(name), sort_key(name)
                end = (False, wanted, _HAND_MADE * 2)
                place = bisect_left(rows, end, key=get)
                if kind in ("after", "from"):
                    start = bisect_left(rows, (False, wanted, -1), key=get)
                    if len(rows) - start < limit:
                        best, limit = rows[start:], len(rows) - start
                elif place < limit:
                    best, limit = rows[:place], place
        return best

    def _by_value(self, name: str) -> dict[Any, list[Any]]:
        if name not in self._values:
            found: defaultdict[Any, list[Any]] = defaultdict(list)
            get = attrgetter(name)
            for row in self.rows():
                value = get(row)
                for one in value if isinstance(value, tuple) else (value,):
                    found[one].append(row)
            self._values[name] = dict(found)
        return self._values[name]


def sort_key(order: str) -> Callable[[Any], tuple[bool, Any, int]]:
    """What rows are compared by in that order: missing values come last, equal ones by number."""
    get = attrgetter(order)

    def key(row: Any) -> tuple[bool, Any, int]:
        value = get(row)
        return (value is None, 0 if value is None else value, row.number)

    return key


def place_after(rows: list[Any], order: str, key: tuple[bool, Any, int]) -> int:
    """Where the rows behind that key begin."""
    return bisect_right(rows, key, key=sort_key(order))


def place_before(rows: list[Any], order: str, key: tuple[bool, Any, int]) -> int:
    """Where the rows before that key end."""
    return bisect_left(rows, key, key=sort_key(order))


def _passing(rows: list[Any], test: Test) -> list[Any]:
    name, kind, wanted = test
    get = attrgetter(name)
    if kind == "in":
        return [row for row in rows if get(row) in wanted]
    if kind == "in_or_none":
        return [row for row in rows if (value := get(row)) is None or value in wanted]
    if kind == "out":
        return [row for row in rows if get(row) not in wanted]
    if kind == "all_of":
        return [row for row in rows if wanted.issubset(get(row) or ())]
    if kind == "any":
        return [row for row in rows if not wanted.isdisjoint(get(row) or ())]
    if kind == "text":
        return [row for row in rows if wanted in get(row)]
    if kind == "after":
        return [row for row in rows if (value := get(row)) is not None and value > wanted]
    if kind == "from":
        return [row for row in rows if (value := get(row)) is not None and value >= wanted]
    if kind == "before":
        return [row for row in rows if (value := get(row)) is not None and value < wanted]
    return [row for row in rows if (value := get(row)) is not None and value <= wanted]
