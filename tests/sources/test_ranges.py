"""A list walked in ranges of time side by side: no row is missed at any seam, few are read twice.

The list is one in memory, as Whop may have it: with either kind of bounds, with moments that are
shown in milliseconds or in seconds, with rows that do not say when they were created.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whop_source.client import Page
from whop_source.planning import Range, iso
from whop_source.ranges import WALKERS, RangeWalk

BEGIN = datetime(2023, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
PAGE = 100

Shown = Literal["milliseconds", "seconds", "unix"]
Nulls = Literal["first", "last", "none"]


@dataclass
class WhopList:
    """A list in memory, paged by cursor."""

    created: Sequence[datetime | None]
    inclusive: bool = True
    shown: Shown = "milliseconds"
    nulls_with_newest: bool = True
    shuffled: bool = False
    wait: float = 0.0
    fails_at: int | None = None
    requests: int = 0
    under_way: int = 0
    most_under_way: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def fetch(self, part: Range, newest_first: bool) -> Iterator[Page]:
        params = part.params
        after, before = (
            params.get(name) and datetime.fromisoformat(params[name])
            for name in ("created_after", "created_before")
        )

        def asked_for(moment: datetime | None) -> bool:
            if moment is None:
                # As in SQL: a comparison with nothing does not hold.
                return not params
            if self.inclusive:
                return (not after or moment >= after) and (not before or moment <= before)
            return (not after or moment > after) and (not before or moment < before)

        found = [number for number, moment in enumerate(self.created) if asked_for(moment)]
        found.sort(key=lambda number: self._place(number), reverse=newest_first)
        if self.shuffled:
            found.sort(key=lambda number: number * 7919 % 10007)
        for start in range(0, max(len(found), 1), PAGE):
            self._answer()
            rows = [self._row(number) for number in found[start : start + PAGE]]
            yield Page(rows, BEGIN, 0, start + PAGE < len(found))

    def _place(self, number: int) -> tuple[bool, datetime, int]:
        moment = self.created[number]
        return ((moment is None) is self.nulls_with_newest, moment or BEGIN, number)

    def _answer(self) -> None:
        with self.lock:
            self.requests += 1
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            if self.requests == self.fails_at:
                raise ConnectionError("gone")
        time.sleep(self.wait)
        with self.lock:
            self.under_way -= 1

    def _row(self, number: int) -> dict[str, Any]:
        moment = self.created[number]
        created: Any = None
        if moment is not None and self.shown == "unix":
            created = int(moment.timestamp())
        elif moment is not None:
            created = iso(moment if self.shown == "milliseconds" else moment.replace(microsecond=0))
        return {"id": number, "created_at": created}


@dataclass
class Taken:
    """The rows a walk took."""

    ids: Counter[int] = field(default_factory=Counter)

    def __call__(self, page: Page) -> None:
        self.ids.update(row["id"] for row in page.rows)


def read(whop: WhopList, *ranges: Range) -> Counter[int]:
    taken = Taken()
    walk = RangeWalk(whop.fetch, taken)
    walk.read(ranges or (Range(),))
    assert walk.left == []
    return taken.ids


def more_than(taken: Taken, rows: int) -> bool:
    return taken.ids.total() > rows


def evenly(rows: int, every: timedelta = timedelta(hours=1)) -> list[datetime | None]:
    return [BEGIN + each * every for each in range(rows)]


def least_requests(rows: int) -> int:
    return max(1, -(-rows // PAGE))


@pytest.mark.parametrize("rows", [0, 1, 99, 100, 101, 200, 5_050])
def test_every_row_is_read_once(rows: int) -> None:
    whop = WhopList(evenly(rows))
    ids = read(whop)
    assert ids.keys() == set(range(rows))
    # Only the oldest row of the newest page: more rows of its second might follow.
    assert ids.total() - rows <= 1
    assert whop.requests <= least_requests(rows) + 20


def test_a_short_list_is_one_request() -> None:
    whop = WhopList(evenly(100))
    read(whop)
    assert whop.requests == 1


def test_the_requests_are_side_by_side() -> None:
    whop = WhopList(evenly(10_000), wait=0.01)
    assert read(whop).keys() == set(range(10_000))
    assert whop.most_under_way == WALKERS


def test_few_requests_more_than_pages() -> None:
    whop = WhopList(evenly(50_000), wait=0.001)
    ids = read(whop)
    assert ids.keys() == set(range(50_000))
    assert ids.total() <= 50_001
    # A page that is not full at the end of each range.
    assert whop.requests <= least_requests(50_000) + 20


def launch_day() -> list[datetime | None]:
    """A row a day for three years, and 20,000 in one hour in the middle."""
    hour = BEGIN + timedelta(days=600)
    quiet = [BEGIN + timedelta(days=each) for each in range(1_000)]
    return [*quiet, *(hour + timedelta(milliseconds=180) * each for each in range(20_000))]


def imported() -> list[datetime | None]:
    """A row an hour, and 20,000 at one moment."""
    at = BEGIN + timedelta(days=100, milliseconds=500)
    return [*evenly(5_000), *[at] * 20_000]


def growing() -> list[datetime | None]:
    """Twice as many rows every sixty days."""
    days = 0.0
    rows: list[datetime | None] = []
    while days < 600:
        rows.append(BEGIN + timedelta(days=days))
        days += 2 ** (-days / 60)
    return rows


@pytest.mark.parametrize("made", [launch_day, growing, imported])
def test_ranges_follow_the_data(made: Any) -> None:
    whop = WhopList(made(), wait=0.002)
    assert read(whop).keys() == set(range(len(whop.created)))
    assert whop.requests <= least_requests(len(whop.created)) + 30
    assert whop.most_under_way == WALKERS


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("shown", ["milliseconds", "seconds", "unix"])
def test_rows_of_one_moment_on_both_sides_of_a_seam(inclusive: bool, shown: Shown) -> None:
    # 30 rows at each of 400 moments: wherever a range ends, it ends among or beside rows that
    # share a moment, a second or a millisecond.
    created = [
        BEGIN + timedelta(seconds=each // 2, milliseconds=999 * (each % 2))
        for each in range(400)
        for _ in range(30)
    ]
    whop = WhopList(created, inclusive, shown)
    ids = read(whop)
    assert ids.keys() == set(range(len(created)))


@given(
    gaps=st.lists(
        st.sampled_from([0, 0, 0, 1, 1, 999, 1000, 1001, 86_400_000, 10**9]),
        min_size=1,
        max_size=40,
    ),
    repeats=st.integers(1, 60),
    without=st.integers(0, 250),
    inclusive=st.booleans(),
    shown=st.sampled_from(["milliseconds", "seconds", "unix"]),
    nulls_with_newest=st.booleans(),
    since=st.integers(0, 5),
)
@settings(deadline=None, max_examples=150)
def test_no_row_is_missed_however_the_list_lies(
    gaps: list[int],
    repeats: int,
    without: int,
    inclusive: bool,
    shown: Shown,
    nulls_with_newest: bool,
    since: int,
) -> None:
    created: list[datetime | None] = []
    at = BEGIN
    for gap in gaps * 5:
        at += timedelta(milliseconds=gap)
        created += [at] * repeats
    created += [None] * without
    whop = WhopList(created, inclusive, shown, nulls_with_newest)
    part = Range() if not since else Range(created[len(gaps) * repeats * (since - 1)])
    ids = read(whop, part)
    wanted = {
        number
        for number, moment in enumerate(created)
        if part == Range() or (moment is not None and part.start and moment >= part.start)
    }
    assert wanted <= ids.keys()


def test_rows_without_created_at_are_read() -> None:
    for with_newest in (True, False):
        created = [*evenly(2_000), *[None] * 150]
        ids = read(WhopList(created, nulls_with_newest=with_newest))
        assert ids.keys() == set(range(2_150))


def test_a_moment_that_cannot_be_read_is_no_moment() -> None:
    class Odd(WhopList):
        def _row(self, number: int) -> dict[str, Any]:
            row = super()._row(number)
            return {**row, "created_at": "soon"} if number % 3 else row

    assert read(Odd(evenly(3_000))).keys() == set(range(3_000))


def test_rows_that_arrive_meanwhile_neither_hide_nor_repeat_others() -> None:
    whop = WhopList(evenly(3_000))
    fetch = whop.fetch

    def busy(part: Range, newest_first: bool) -> Iterator[Page]:
        for page in fetch(part, newest_first):
            whop.created = [*whop.created, (whop.created[-1] or BEGIN) + MILLISECOND]
            yield page

    taken = Taken()
    RangeWalk(busy, taken).read((Range(),))
    assert taken.ids.keys() >= set(range(3_000))
    assert taken.ids.total() <= 3_000 + 1 + PAGE


def test_a_list_in_another_order_is_read_to_its_end() -> None:
    whop = WhopList(evenly(5_000), shuffled=True)
    assert read(whop).keys() == set(range(5_000))


@pytest.mark.parametrize("same", [50, 100, 250])
@pytest.mark.parametrize("always_newest", [True, False])
def test_a_list_that_does_not_heed_the_direction_is_read_to_its_end(
    same: int, always_newest: bool
) -> None:
    class Deaf(WhopList):
        def fetch(self, part: Range, newest_first: bool) -> Iterator[Page]:
            return super().fetch(part, always_newest)

    ends = [BEGIN] * same, [BEGIN + timedelta(days=99)] * same
    created = [*ends[0], *(BEGIN + timedelta(hours=each) for each in range(1, 1_000)), *ends[1]]
    assert read(Deaf(created)).keys() == set(range(len(created)))


def test_the_end_of_a_range_is_another_walkers_and_its_start_is_not() -> None:
    whop = WhopList(evenly(1_000, timedelta(seconds=1)))
    ids = read(whop, Range(BEGIN + timedelta(seconds=200), BEGIN + timedelta(seconds=500)))
    # Bounds may be inclusive: then the row on the upper one comes along.
    assert set(range(200, 500)) <= ids.keys() <= set(range(199, 501))


# What fails, and what stops early


@pytest.mark.parametrize("request_number", [1, 2, 5, 20])
def test_an_error_ends_the_walk_and_is_raised(request_number: int) -> None:
    whop = WhopList(evenly(10_000), wait=0.001, fails_at=request_number)
    walk = RangeWalk(whop.fetch, Taken())
    with pytest.raises(ConnectionError):
        walk.read((Range(),))
    assert whop.requests <= request_number + WALKERS


def test_an_error_while_rows_are_taken_is_raised_too() -> None:
    def refuse(page: Page) -> None:
        raise ValueError("a foreign row")

    with pytest.raises(ValueError, match="foreign"):
        RangeWalk(WhopList(evenly(10_000)).fetch, refuse).read((Range(),))


@pytest.mark.parametrize("created", [evenly(3_000), [*launch_day(), *[None] * 40]])
def test_a_walk_that_has_enough_is_gone_on_with(created: list[datetime | None]) -> None:
    whop = WhopList(created)
    taken = Taken()
    left: tuple[Range, ...] = (Range(),)
    covered: list[Range] = []
    parts = 0
    while left:
        before = taken.ids.total()
        walk = RangeWalk(whop.fetch, taken, partial(more_than, taken, before + 899))
        walk.read(left)
        left = tuple(walk.left)
        covered += walk.covered
        parts += 1
        assert parts <= len(created) / 900 + 1
        # What was covered was read, all of it.
        for number, moment in enumerate(created):
            if any(_within(moment, part) for part in walk.covered):
                assert number in taken.ids
    assert taken.ids.keys() == set(range(len(created)))
    # Every row is in one covered range and one only, so that each can be found to be gone once.
    for moment in created:
        assert sum(_within(moment, part) for part in covered) == 1
    assert whop.requests <= least_requests(len(created)) + parts * WALKERS + 40


def test_a_part_that_ends_among_rows_of_one_moment_still_gets_on() -> None:
    created = [BEGIN] * 250 + [BEGIN + timedelta(days=1)] * 250
    whop = WhopList(created)
    taken = Taken()
    left: tuple[Range, ...] = (Range(),)
    parts = 0
    while left:
        before = taken.ids.total()
        walk = RangeWalk(whop.fetch, taken, partial(more_than, taken, before))
        walk.read(left)
        # Nothing is left that was not there before: a part has to end.
        assert tuple(walk.left) != left
        left = tuple(walk.left)
        parts += 1
        assert parts < 10
    assert taken.ids.keys() == set(range(500))


def _within(moment: datetime | None, part: Range) -> bool:
    if moment is None:
        return part.end is None
    return (part.start is None or moment >= part.start) and (part.end is None or moment < part.end)


def test_an_empty_page_among_the_newest_is_gone_past() -> None:
    """It said that there were more, and ended the whole run."""
    now = datetime(2026, 1, 15, tzinfo=UTC)
    rows = [
        {"id": number, "created_at": (now - timedelta(hours=number)).isoformat()}
        for number in range(3)
    ]
    pages = [rows[:1], [], rows[1:]]

    def fetch(part: Range, newest_first: bool) -> Iterator[Page]:
        for number, page in enumerate(pages):
            yield Page(page, now, 0, number < len(pages) - 1)

    taken = Taken()
    RangeWalk(fetch, taken).read((Range(),))
    assert set(taken.ids) == {0, 1, 2}
