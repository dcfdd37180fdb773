"""What a seller does with money at Whop besides having it paid out: sending it to others.

All of it follows from the seed and the clock. Whop documents neither how often nor how much, nor
what a line's `source` calls a transfer; that, like the schedule, is the simulator's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .people import person
from .seller import Seller, bits_of
from .units import DAY, HOUR, Row, iso, scale_of

_FIRST = 60 * DAY
"""Before that nobody has money to send."""
_EVERY = 30 * DAY
_FEE = 25
_UNDER_WAY = HOUR // 2
PARTNERS = 1 << 41
"""Who is sent money, or sends some, is numbered far beyond customers and staff."""


@dataclass(slots=True, eq=False)
class Transfer:
    """Money sent to somebody at Whop, or got from them, in the smallest unit of its currency."""

    number: int
    id: str
    amount: int
    fee: int
    created_at: int
    is_sent: bool
    status: str
    partner: int
    currency: str = "usd"

    @property
    def done_at(self) -> int:
        """When it is decided."""
        return self.created_at + _UNDER_WAY

    def movements(self) -> Iterator[tuple[str, int]]:
        """Type and amount of each line; one that failed, or is under way, has moved nothing."""
        if self.status != "succeeded":
            return
        if self.is_sent:
            yield "platform_balance_transfer_outgoing", -self.amount
            yield "platform_balance_transfer_fee", -self.fee
        else:
            yield "platform_balance_transfer_incoming", self.amount


def transfers_of(business: Seller) -> Iterator[Transfer]:
    """One a month, most of them sent, some of them failed."""
    at, number = business.start_ms + _FIRST, 0
    while business.size and at <= business.clock_ms:
        bits = bits_of(business, "transfer", number)
        is_sent = bits % 4 != 0
        made = Transfer(
            number,
            business.ids["transfers"].encode(number),
            500 + bits // 64 % 4500,
            _FEE if is_sent else 0,
            at + bits % DAY,
            is_sent,
            "failed" if bits // 4 % 9 == 0 else "succeeded",
            PARTNERS + bits % 7,
        )
        if made.done_at > business.clock_ms:
            made.status = "processing"
        if made.created_at <= business.clock_ms:
            yield made
        at += _EVERY
        number += 1


def transfers(business: Seller) -> Iterator[tuple[int, Row]]:
    """A row per transfer, as Legacy has it, with what only Current shows."""
    company = business.company
    for item in transfers_of(business):
        scale = scale_of(item.currency)
        us = {"id": company["id"], "logo_url": None, "name": company["title"], "object": "account"}
        them = {
            "id": business.ids["users"].encode(item.partner),
            "logo_url": None,
            "name": person(business.key, item.partner).name,
            "object": "user",
        }
        origin, destination = (us, them) if item.is_sent else (them, us)
        yield (
            item.number,
            {
                "id": item.id,
                "amount": item.amount / scale,
                "created_at": iso(item.created_at),
                "currency": item.currency,
                "destination_ledger_account_id": f"ldgr_{destination['id']}",
                "fee_amount": item.fee / scale if item.fee else None,
                "metadata": {"for": iso(item.created_at)[:7]} if item.number % 3 == 0 else None,
                "notes": "For the newsletter" if item.is_sent else None,
                "origin_ledger_account_id": f"ldgr_{origin['id']}",
                "_destination": destination,
                "_destination_id": destination["id"],
                "_done_at": None if item.status == "processing" else iso(item.done_at),
                "_origin": origin,
                "_origin_id": origin["id"],
                "_status": item.status,
            },
        )


def whole_transfer(row: Row, business: Seller) -> Row:
    """The transfer as Legacy's object: with who sent it and who got it."""
    found = business.tables["transfers"].find(row["id"])
    inside = {} if found is None else found.row
    return {
        **row,
        **{
            side: _legacy(inside[f"_{side}"], business) if f"_{side}" in inside else None
            for side in ("destination", "origin")
        },
    }


def _legacy(profile: Row, business: Seller) -> Row:
    if profile["object"] == "account":
        return {
            "id": profile["id"],
            "route": business.company["route"],
            "title": profile["name"],
            "typename": "Company",
        }
    username = profile["name"].split()[0].lower()
    return {"id": profile["id"], "name": profile["name"], "typename": "User", "username": username}
