"""What rows need to know of the business they are shown for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol

from .catalogue import Catalogue
from .lives import Member, Payment
from .tables import Table
from .units import Ids, Row, key_of, mix


class Seller(Protocol):
    """A business as its rows see it: keys, ids, clock, members, and its other tables."""

    key: int
    ids: dict[str, Ids]
    company: Row
    catalogue: Catalogue
    members: list[Member]
    tables: dict[str, Table]
    ledger: Any
    charts: Any
    start_ms: int
    end_ms: int
    clock_ms: int
    size: int
    staffed: bool

    def counts(self) -> Counter[tuple[str, int]]:
        """Valid memberships by company, product and plan, uses of promo codes, cents by product."""

    def balances(self) -> dict[str, tuple[int, int, int]]:
        """Available, pending and held back money by currency, in its smallest unit."""

    def volume(self) -> float:
        """What was ever paid, in US dollars."""

    def row(self, resource: str, key: str) -> Row:
        """One row with every field that its object has; KeyError when there is none."""

    def show(self, resource: str, item: Any, *, listed: bool = False) -> Row:
        """What the API says about one item of a table."""


def payments_of(business: Seller) -> Iterator[Payment]:
    """Every payment, member by member."""
    for member in business.members:
        yield from member.payments


def bits_of(business: Seller, what: str, number: int) -> int:
    """64 bits that decide how the row of that number looks."""
    return mix(key_of(business.key, what), number)
