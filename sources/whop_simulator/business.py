"""A simulated company on Whop: its tables, its clock, and a hand to change rows with."""

from __future__ import annotations

import gc
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from threading import RLock
from typing import Any

import orjson

from .catalogue import Catalogue, catalogue
from .charts import Charts
from .current_made import INVITES
from .endpoints import ENDPOINTS
from .ledger import Ledger, balances
from .lives import VALID, Member, World, live
from .showing import GENERATORS, full, show
from .tables import Table
from .units import DAY, EitherIds, Ids, OneId, Row, from_ms, key_of, mix, to_ms

DEFAULT_CLOCK = datetime(2026, 1, 15, 9, tzinfo=UTC)
_YEAR = 365.25 * DAY
_FOLLOW = {"payments": ("financial_activity", "payouts"), "authorized_users": ("team_members",)}
"""Tables whose rows are made from those of another."""


class Business:
    """A company whose every row follows from its seed, its size and its clock."""

    def __init__(
        self,
        seed: int = 7,
        members: int = 1000,
        years: float = 3,
        clock: datetime | None = None,
        company_id: str | None = None,
        start: datetime | None = None,
    ) -> None:
        """`members` have joined after `years` from the start; by default that is DEFAULT_CLOCK."""
        span = int(years * _YEAR)
        self.start_ms = to_ms(start) if start else to_ms(DEFAULT_CLOCK) - span
        end = self.start_ms + span
        first_key = key_of(seed, "company")
        company_id = company_id or Ids("biz", first_key).encode(seed)
        self.key = key_of(seed, company_id) & (1 << 64) - 1
        self.ids = {e.resource: Ids(e.prefix, key_of(self.key, e.resource)) for e in ENDPOINTS}
        self.ids["financial_activity"] = Ids("line", key_of(self.key, "financial_activity"))
        self.ids["payouts"] = Ids("wdrl", key_of(self.key, "payouts"))
        invites = Ids("ausri", key_of(self.key, "invites"))
        self.ids["team_members"] = EitherIds(self.ids["authorized_users"], invites, INVITES)
        self.ids["checkouts"] = self.ids["checkout_configurations"]
        self.ids["companies"] = OneId(company_id)
        title = ("Signal Room", "North Desk", "Atelier Ü", "Kite & Co.")[self.key % 4]
        route = f"{title.split()[0].lower()}-{self.key % 9973}"
        self.company = {"id": company_id, "route": route, "title": title}
        self.lock = RLock()
        self.catalogue = catalogue(seed, self.start_ms, end)
        self.end_ms = end
        self.size = members
        self._world = World(self.key, self.catalogue, self.ids)
        self.members: list[Member] = []
        self._next: list[tuple[int, int]] = []
        self._counts: Counter[tuple[str, int]] | None = None
        self.staffed = True
        self.uploads_url = "https://uploads.whop.invalid"
        self.ledger = Ledger(self)
        self.charts = Charts(self)
        self.tables = {
            resource: Table(partial(generator.items, self), self.ids[resource])
            for resource, generator in GENERATORS.items()
        }
        self.clock_ms: int = self.start_ms
        self.advance_to(clock or from_ms(end))

    @classmethod
    def empty(cls, company_id: str | None = None, clock: datetime | None = None) -> Business:
        """A company with nothing in it but itself: for rows made by hand."""
        business = cls(members=0, company_id=company_id, clock=clock)
        business.catalogue = business._world.catalogue = Catalogue()
        business.staffed = False
        business.forget()
        return business

    @property
    def company_id(self) -> str:
        """Its id at Whop."""
        return str(self.company["id"])

    @property
    def clock(self) -> datetime:
        """The time it is there."""
        return from_ms(self.clock_ms)

    def advance(self, by: timedelta) -> None:
        """Move the clock forward."""
        self.advance_to(self.clock + by)

    def advance_to(self, moment: datetime) -> None:
        """Move the clock forward to a moment: whatever falls due until then has happened."""
        until = to_ms(moment)
        if until < self.clock_ms:
            raise ValueError(f"the clock is at {self.clock.isoformat()} and cannot go back")
        with self.lock:
            self.clock_ms = self._world.clock_ms = until
            # A million small objects and no cycles: collecting in between only costs time.
            collecting = gc.isenabled()
            gc.disable()
            try:
                while self._next and self._next[0][0] <= until:
                    _, number = heappop(self._next)
                    self._live(number, self.members[number].created_at)
                while self.size and (joined_at := self._joins(len(self.members))) <= until:
                    self._live(len(self.members), joined_at)
            finally:
                if collecting:
                    gc.enable()
            self.forget()

    def rows(self, resource: str) -> list[Row]:
        """Every row as a list would show it, those included that a list leaves out by default."""
        with self.lock:
            items = self.tables[resource].rows()
            return [_own(self.show(resource, item, listed=True)) for item in items]

    def row(self, resource: str, key: str) -> Row:
        """One row with every field that its object has; KeyError when there is none."""
        with self.lock:
            item = self.tables[resource].find(key)
            if item is None:
                raise KeyError(key)
            return _own(self.show(resource, item))

    def stored(self, resource: str, key: str) -> Row:
        """One row with what is kept of it but not served; KeyError when there is none."""
        with self.lock:
            item = self.tables[resource].find(key)
            if item is None:
                raise KeyError(key)
            return _own(self.full(resource, item))

    def put(self, resource: str, row: Row) -> None:
        """Insert a row made by hand, or replace the one with its id. Nothing is filled in."""
        with self.lock:
            if resource == "payments":
                self.ledger.changed(row["id"], row)
            self.tables[resource].put(_own(row), self.clock_ms)
            self._forget_what_follows(resource)

    def remove(self, resource: str, key: str) -> None:
        """Take a row away without a trace."""
        with self.lock:
            self.tables[resource].remove(key)
            self._forget_what_follows(resource)

    def show(self, resource: str, item: Any, *, listed: bool = False) -> Row:
        """What the API says about one item of a table: in its list, or asked for by its id."""
        return show(resource, item, self, listed=listed)

    def full(self, resource: str, item: Any) -> Row:
        """Everything that is known of one item, as Legacy names it: what Current is made from."""
        return full(resource, item, self)

    def counts(self) -> Counter[tuple[str, int]]:
        """Valid memberships by company, product and plan, uses of promo codes, cents by product."""
        if self._counts is None:
            counts: Counter[tuple[str, int]] = Counter()
            for member in self.members:
                for membership in member.memberships:
                    if membership.status in VALID:
                        counts["plan", membership.plan.number] += 1
                        counts["product", membership.plan.product.number] += 1
                        counts["company", 0] += 1
                for payment in member.payments:
                    if payment.status == "paid" and payment.plan is not None:
                        counts["cents", payment.plan.product.number] += payment.usd
                    if payment.promo is not None:
                        counts["promo", payment.promo.number] += 1
            self._counts = counts
        return self._counts

    def balances(self) -> dict[str, tuple[int, int, int]]:
        """Available and pending money by currency, in its smallest unit."""
        return balances(self.ledger.lines(), self.clock_ms)

    def volume(self) -> float:
        """What was ever paid for a plan, in US dollars."""
        return sum(cents for (what, _), cents in self.counts().items() if what == "cents") / 100

    def _forget_what_follows(self, resource: str) -> None:
        self.charts.forget()
        for table in _FOLLOW.get(resource, ()):
            self.tables[table].forget()

    def forget(self) -> None:
        """Rows have changed: nothing derived from them may be used again."""
        self._counts = None
        self.ledger.forget()
        self.charts.forget()
        for table in self.tables.values():
            table.forget()

    def _joins(self, number: int) -> int:
        """When a member joins: ever more of them a day, and on after the end of the history."""
        jitter = mix(self.key, number) / (1 << 64)
        share = ((number + jitter) / self.size) ** 0.95
        return self.start_ms + int((self.end_ms - self.start_ms) * share)

    def _live(self, number: int, joined_at: int) -> None:
        member = live(self._world, number, joined_at, self.clock_ms)
        if number < len(self.members):
            self.members[number] = member
        else:
            self.members.append(member)
        if member.next_at is not None:
            heappush(self._next, (member.next_at, number))


def _own(row: Row) -> Row:
    """A copy to keep: rows share what they have in common, and a test may change what it gets."""
    copy: Row = orjson.loads(orjson.dumps(row))
    return copy
