"""Walks one list in ranges of creation time side by side.

A cursor gives one page for every answer that is waited for, which is a quarter of what Whop allows.
So the list is cut into ranges of `created_at`, and a walker that has come to the end of its own
takes over the later half of the range with most left to read: a business has quiet years and launch
days, and nobody knows which before they are read.

Where two ranges meet is a whole second, later than any row before it and not later than any after
it: Whop's documentation calls some moments Unix timestamps, which have no fractions.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from .client import PAGE_SIZE, Page, Row
from .planning import Range
from .values import to_timestamp

WALKERS = 6
"""Requests under way at a time: with answers in 500 ms, 12 a second; Whop allows 10."""

PAGES_WORTH_A_RANGE = 8
"""Pages a range must still have, by its latest rows, for its later half to be handed on. A new
range costs about one request: it ends with a page that is not full, and so does the old one."""

BURST = 8
"""How many times as dense as all of a range before it the latest rows are when a launch day or an
import has begun, which will be over long before the range is."""

SECOND = timedelta(seconds=1)
"""What ranges are cut to."""

Fetch = Callable[[Range, bool], Iterator[Page]]
"""Pages of a range, oldest first or, when True, newest first."""


@dataclass(eq=False)
class _Walker:
    """One walk, oldest first, from `start` to before `end`."""

    start: datetime | None
    end: datetime | None
    """Comes nearer when another walker takes over what lies behind it; None reads to the end."""
    density: float | None = None
    """Rows a second to expect, before any was read."""
    read_to: datetime | None = None
    """`created_at` of the row read last."""
    ordered: bool = True
    """False: the list is not in the order of creation, and nothing can be told from where it is."""
    _first: datetime | None = None
    _rows: int = 0
    _latest: deque[tuple[datetime, int]] = field(default_factory=lambda: deque(maxlen=5))

    def advance(self, rows: Sequence[Row]) -> None:
        """Note how far a page has come."""
        created = _created(rows)
        if not created:
            return
        before = [self.read_to] if self.read_to else []
        self.ordered &= sorted(created) == created and created[:1] >= before
        self.read_to = created[-1]
        if self._first is None:
            self._first = created[0]
            self._latest.append((created[0], 0))
        self._rows += len(rows)
        self._latest.append((created[-1], self._rows))
        (since, rows_then), (to, rows_now) = self._latest[0], self._latest[-1]
        self.density = (rows_now - rows_then) / max((to - since).total_seconds(), 1.0)

    @property
    def _in_order_to(self) -> datetime | None:
        """`read_to`, if the oldest rows come first: those of one moment alone do not show it."""
        if not self.ordered or self._first is None or self._first == self.read_to:
            return None
        return self.read_to

    @property
    def is_over(self) -> bool:
        """Whether what follows belongs to another walker."""
        read_to = self._in_order_to
        return read_to is not None and self.end is not None and read_to >= self.end

    def own(self, rows: Sequence[Row]) -> list[Row]:
        """The rows that no other walker reads."""
        assert self.end is not None
        return [row for row in rows if (at := _created_at(row)) is None or at < self.end]

    @property
    def done_to(self) -> datetime | None:
        """The second before which everything was read; None when that is nothing."""
        read_to = self._in_order_to
        if read_to is None:
            return None
        second = read_to.replace(microsecond=0)
        return second if self.start is None or second > self.start else None

    def pages_left(self) -> float:
        """Pages to expect, going by the latest rows."""
        at = self.read_to or self.start
        if not self.ordered or self.density is None or at is None or self.end is None:
            return 0.0
        return self.density * (self.end - at).total_seconds() / PAGE_SIZE

    def hand_on(self) -> _Walker | None:
        """Give the later half of what is left to a new walker."""
        at = self.read_to or self.start
        assert at is not None and self.end is not None
        ahead = (self.end - at).total_seconds()
        expected = self.density
        if self._first is not None and self.density is not None:
            so_far = self._rows / max((at - self._first).total_seconds(), 1.0)
            burst = PAGES_WORTH_A_RANGE * PAGE_SIZE / self.density
            if self.density > BURST * so_far and burst < ahead:
                # Half of the time that is left would be all quiet, and half of that again.
                ahead, expected = 2 * math.sqrt(burst * ahead), None
        middle = (at + timedelta(seconds=ahead / 2)).replace(microsecond=0)
        if not at + SECOND <= middle < self.end:
            return None
        other = _Walker(middle, self.end, expected)
        self.end = middle
        return other


class RangeWalk:
    """Reads the rows of a list that were created in some ranges.

    Args:
        fetch: asks for pages; called from several threads.
        take: is given the rows of each page; by one thread at a time.
        enough: asked after every page whether to stop here and leave the rest for another time.
        walkers: requests under way at a time.

    After `read`:

    Attributes:
        covered: ranges of which every row was read.
        left: ranges that are still to be read.
    """

    def __init__(
        self,
        fetch: Fetch,
        take: Callable[[Page], None],
        enough: Callable[[], bool] = lambda: False,
        walkers: int = WALKERS,
    ) -> None:
        self._fetch = fetch
        self._take = take
        self._enough = enough
        self._walkers = walkers
        self._changed = threading.Condition()
        self._waiting: deque[_Walker] = deque()
        self._active: list[_Walker] = []
        self._stopped = False
        self.covered: list[Range] = []
        self.left: list[Range] = []

    def read(self, ranges: Sequence[Range]) -> None:
        """Read until everything was read, or enough.

        Raises:
            Exception: the first that `fetch` or `take` raised; the walk ends with it.
        """
        for each in ranges:
            if each.end is None:
                self._read_newest(each.start)
            else:
                self._waiting.append(_Walker(each.start, each.end))
        if not self._waiting:
            return
        with ThreadPoolExecutor(self._walkers) as pool:
            try:
                for done in [pool.submit(self._work) for _ in range(self._walkers)]:
                    done.result()
            except BaseException:
                self._stop()
                raise

    def _stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _read_newest(self, start: datetime | None) -> None:
        """Read the newest page: where the ranges end, and all there is of most lists."""
        first: datetime | None = None
        for page in self._fetch(Range(start, None), True):
            self._take(page)
            if not page.more:
                self.covered.append(Range(start, None))
                return
            if not page.rows:
                # An empty page is no end while Whop says that there are more.
                continue
            created = _created(page.rows)
            if sorted(created, reverse=True) != created:
                # Not in the order of creation: there are no ranges to be had, one walk must do.
                self._waiting.append(_Walker(start, None))
                return
            first = first or max(created, default=None)
            # Rows that do not say when they were created may come first; go on behind them. Rows of
            # one moment do not show that the newest come first: they may be the oldest.
            if first and _created_at(page.rows[-1]) is not None and created[-1] < first:
                # More rows of this second may be on the next page.
                end = created[-1].replace(microsecond=0) + SECOND
                self.covered.append(Range(end if start is None else max(start, end), None))
                if start is None or start < end:
                    self._waiting.append(_Walker(start, end))
                return

    def _work(self) -> None:
        while (walker := self._next()) is not None:
            try:
                self._walk(walker)
            except BaseException:
                self._stop()
                raise
            with self._changed:
                self._active.remove(walker)
                self._changed.notify_all()

    def _next(self) -> _Walker | None:
        """Wait for a range to read; None when there will be none any more."""
        with self._changed:
            while not self._stopped:
                if self._enough():
                    self.left += [Range(each.start, each.end) for each in self._waiting]
                    self._waiting.clear()
                    return None
                walker = self._waiting.popleft() if self._waiting else self._from_another()
                if walker is not None:
                    self._active.append(walker)
                    return walker
                if not self._active:
                    return None
                self._changed.wait()
            return None

    def _from_another(self) -> _Walker | None:
        longest = max(self._active, key=_Walker.pages_left, default=None)
        if longest is None or longest.pages_left() < PAGES_WORTH_A_RANGE:
            return None
        return longest.hand_on()

    def _walk(self, walker: _Walker) -> None:
        # The oldest range is asked for without a bound, for the rows that do not say when they were
        # created: they are at the one end of the list or the other, and no bound lets them through.
        end = None if walker.start is None else walker.end
        for page in self._fetch(Range(walker.start, end), False):
            with self._changed:
                if self._stopped:
                    return
                walker.advance(page.rows)
                if walker.is_over:
                    self._take(replace(page, rows=walker.own(page.rows)))
                    break
                self._take(page)
                self._changed.notify_all()
                if page.more and self._enough() and walker.done_to is not None:
                    self.covered.append(Range(walker.start, walker.done_to))
                    self.left.append(Range(walker.done_to, walker.end))
                    return
        with self._changed:
            self.covered.append(Range(walker.start, walker.end))


def _created(rows: Sequence[Row]) -> list[datetime]:
    """When the rows were created, UTC; rows that do not say are left out."""
    return [moment for moment in map(_created_at, rows) if moment is not None]


def _created_at(row: Row) -> datetime | None:
    try:
        return to_timestamp(row["created_at"])
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
