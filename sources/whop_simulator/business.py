"""A simulated company on Whop: its tables, its clock, and a hand to change rows with."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from threading import RLock
from typing import Any

import orjson

from . import around, company, rows
from .catalogue import Catalogue, catalogue
from .endpoints import BY_RESOURCE, ENDPOINTS
from .lives import VALID, Member, World, live
from .people import person
from .tables import PlainRow, Table
from .units import DAY, Ids, OneId, from_ms, key_of, mix, to_ms

DEFAULT_CLOCK = datetime(2026, 1, 15, 9, tzinfo=UTC)
_YEAR = 365.25 * DAY


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
            self.clock_ms = until
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

    def rows(self, resource: str) -> list[dict[str, Any]]:
        """Every row as a list would show it, those included that a list leaves out by default."""
        with self.lock:
            items = self.tables[resource].rows()
            return [_own(self.show(resource, item, listed=True)) for item in items]

    def row(self, resource: str, key: str) -> dict[str, Any]:
        """One row with every field that its object has; KeyError when there is none."""
        with self.lock:
            item = self.tables[resource].find(key)
            if item is None:
                raise KeyError(key)
            return _own(self.show(resource, item))

    def put(self, resource: str, row: dict[str, Any]) -> None:
        """Insert a row made by hand, or replace the one with its id. Nothing is filled in."""
        with self.lock:
            self.tables[resource].put(_own(row), self.clock_ms)

    def remove(self, resource: str, key: str) -> None:
        """Take a row away without a trace."""
        with self.lock:
            self.tables[resource].remove(key)

    def show(self, resource: str, item: Any, *, listed: bool = False) -> dict[str, Any]:
        """What the API says about one item of a table: in its list, or asked for by its id."""
        hidden = BY_RESOURCE[resource].object_only if listed else ()
        generator = GENERATORS[resource]
        if isinstance(item, PlainRow):
            row = {
                name: value
                for name, value in item.row.items()
                if name not in hidden and not name.startswith("_")
            }
            return row if listed or generator.whole is None else generator.whole(row, self)
        assert generator.render is not None
        row = generator.render(item, self)
        for name in hidden:
            del row[name]
        return row

    def counts(self) -> Counter[tuple[str, int]]:
        """Valid memberships by company, product and plan, and uses of each promo code."""
        if self._counts is None:
            counts: Counter[tuple[str, int]] = Counter()
            for member in self.members:
                for membership in member.memberships:
                    if membership.status in VALID:
                        counts["plan", membership.plan.number] += 1
                        counts["product", membership.plan.product.number] += 1
                        counts["company", 0] += 1
                for payment in member.payments:
                    if payment.promo is not None:
                        counts["promo", payment.promo.number] += 1
            self._counts = counts
        return self._counts

    def forget(self) -> None:
        """Rows have changed: nothing derived from them may be used again."""
        self._counts = None
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


def _own(row: dict[str, Any]) -> dict[str, Any]:
    """A copy to keep: rows share what they have in common, and a test may change what it gets."""
    copy: dict[str, Any] = orjson.loads(orjson.dumps(row))
    return copy


@dataclass(slots=True)
class User:
    """Somebody with an account at Whop: a customer or one of the staff."""

    number: int
    created_at: int
    username: str


def _users(business: Business) -> list[User]:
    key = business.key
    people = [(m.number, m.created_at) for m in business.members if not m.deleted]
    people += [(e.person, e.created_at) for e in _staff(business)]
    people += around.strangers(business)
    return [User(number, at, person(key, number).username) for number, at in people]


def _staff(business: Business) -> list[company.Employee]:
    if not business.staffed:
        return []
    clock = business.clock_ms
    return company.staff(business.key, business.start_ms, clock, business.ids["users"])


def _plain(
    items: Callable[[Business], Iterable[Any]], render: Callable[[Any, Business], rows.Row]
) -> Generator:
    """For the few rows of the seller's side: rendered once, and filtered by what they say."""

    def make(business: Business) -> list[PlainRow]:
        clock = business.clock_ms
        return [
            PlainRow(render(item, business), item.number, clock)
            for item in items(business)
            if item.created_at <= clock
        ]

    return Generator(make)


def _apps(business: Business) -> list[company.App]:
    if not business.staffed:
        return []
    return company.apps(business.key, business.start_ms, business.end_ms, business.clock_ms)


@dataclass(frozen=True)
class Generator:
    """Where the rows of one resource come from: its items, and how one of them is written."""

    items: Callable[[Business], list[Any]]
    render: Callable[[Any, Business], rows.Row] | None = None
    whole: Callable[[rows.Row, Business], rows.Row] | None = None
    """Makes the object of a row, where it shows more than fields that the list leaves out."""


GENERATORS: dict[str, Generator] = {
    "companies": Generator(lambda b: [PlainRow(rows.company(b), 0, b.clock_ms)]),
    "products": _plain(lambda b: b.catalogue.products, rows.product),
    "plans": _plain(lambda b: b.catalogue.plans, rows.plan),
    "promo_codes": _plain(lambda b: b.catalogue.promos, rows.promo_code),
    "apps": _plain(_apps, rows.app),
    "authorized_users": _plain(_staff, rows.authorized_user),
    "members": Generator(lambda b: b.members, rows.member),
    "memberships": Generator(
        lambda b: [item for m in b.members for item in m.memberships], rows.membership
    ),
    "payments": Generator(lambda b: [item for m in b.members for item in m.payments], rows.payment),
    "payment_methods": Generator(
        lambda b: [item for m in b.members for item in m.methods if not item.removed],
        rows.payment_method,
    ),
    "users": Generator(_users, rows.user),
    "files": Generator(around.table(around.files)),
    "refunds": Generator(around.table(around.refunds), whole=around.whole_refund),
    "disputes": Generator(around.table(around.disputes), whole=around.whole_dispute),
    "dispute_alerts": Generator(
        around.table(around.dispute_alerts), whole=around.whole_dispute_alert
    ),
    **{
        generate.__name__: Generator(around.table(generate))
        for generate in (
            around.invoices,
            around.entries,
            around.leads,
            around.experiences,
            around.checkout_configurations,
            around.setup_intents,
            around.affiliates,
            around.shipments,
            around.reviews,
        )
    },
    "company_token_transactions": _plain(
        lambda b: [m for m in b.members if not m.deleted and rows.tokens(m, b)],
        rows.token_transaction,
    ),
}
