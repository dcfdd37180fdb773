"""The ledger: every movement of money as a line that never changes, and the payouts made of them.

A line follows from a payment's life. A payment that is changed by hand leaves the lines it had and
gets new ones for the difference: nobody who has read the ledger may find other lines before the
point they read to. Real Whop has some three hundred kinds of line, of which there are twelve here.

The schedule of payouts is the simulator's own: on Mondays, what is available in each currency.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .lives import Payment
from .seller import Seller, payments_of
from .tables import PlainRow
from .treasury import transfers_of
from .units import (
    DAY,
    HOUR,
    Row,
    fees_of,
    is_amount,
    ms_of,
    scale_of,
    settle,
)

PLACES = 64
"""Room for the lines of one payment."""
_BY_HAND = 1 << 45
"""Lines that a change by hand brought are numbered beyond those that follow from a payment."""
_OF_PAYOUTS = 1 << 47
_OF_TRANSFERS = 1 << 46
_MONDAY = 4 * DAY + 12 * HOUR  # 1970 began on a Thursday
_AVAILABLE_AFTER = 2
_FEE = 200
_RETURNED = {0: ("failed", 2), 11: ("reversed", 5), 17: ("canceled", 1)}
"""Of 29 payouts, those whose money comes back: how that is called, and after how many days."""
_INTO = "usd"
_CHANGED = ("gbp",)
"""Every fourth week what there is in these is changed into dollars in place of a payout."""
_PLACES = ("usd", "eur", "gbp", "jpy", "eth")
"""By which payouts of one Monday are numbered."""
_OF_CONVERSIONS = 1 << 48
_OF_HOLDS = 1 << 49
HELD_SHARE, _HELD_DAYS = 10, 30
"""One part in ten of what a payment brings stays behind for so long after it has settled."""
_FEE_CURRENCIES = ("usd", "eur", "gbp")
DISPUTE_FEE = 1500


@dataclass(slots=True, eq=False)
class Line:
    """One movement; the amount in the smallest unit the simulator counts its currency in."""

    number: int
    line_type: str
    amount: int
    currency: str
    posted_at: int
    available_at: int
    payment_id: str | None = None
    source: tuple[str, str] | None = None
    """Kind and id of the payout or transfer it is of."""
    withdrawal_id: str | None = None
    """The payout that took it."""
    id: str = ""
    internal: bool = False
    """Whether it only moves between what is available and what is held back."""

    @property
    def way(self) -> str:
        """Into the balance, or out of it."""
        return "money_in" if self.amount > 0 else "money_out"

    @property
    def balance_types(self) -> tuple[str, ...]:
        """The balances it changes."""
        return ("available",) if self.internal else ("total", "available")

    @property
    def without_internal(self) -> tuple[str, ...]:
        """The answers to "leave out what is internal?" with which it is shown."""
        return ("false",) if self.internal else ("true", "false")

    @property
    def about(self) -> tuple[str, ...]:
        """Ids of what it can be found by."""
        return tuple(key for key in (self.payment_id, self.withdrawal_id) if key is not None)


@dataclass(slots=True, eq=False)
class Payout:
    """What was sent to the seller's bank, in the smallest unit of its currency."""

    number: int
    id: str
    amount: int
    fee: int
    currency: str
    created_at: int
    status: str
    returned_at: int | None = None
    """When its money was back, of one that did not stay at the bank."""
    source: str = "automatic"
    payout_method_id: str = ""


@dataclass(slots=True)
class _Asked:
    """What has been read, and what hands have changed since."""

    told_at: int = 0
    frozen: dict[str, list[Line]] = field(default_factory=dict)
    """Lines of payments that hands have touched."""
    count: int = 0


def _midnight_after(at: int, days: int) -> int:
    return (at // DAY + days) * DAY


def _events(item: Payment) -> Iterator[tuple[str, int, int]]:
    """Type, amount and time of each line of a payment, in the currency it settles in."""
    if item.status != "paid" or not item.total or item.paid_at is None:
        return
    currency = item.settled_in
    day = item.created_at // DAY

    def settled(minor: int) -> int:
        return settle(minor, item.currency, currency, day)

    gross = settled(item.total)
    yield "payment_gross", gross, item.paid_at
    for kind, amount in fees_of(item.total, item.currency, currency, day):
        yield kind, -amount, item.paid_at
    for at, amount in reversed(item.refunds):
        yield "payment_refund", -settled(amount), at
    for at, step in item.steps:
        if step == "open_dispute":
            yield "payment_dispute", -gross, at
            yield "payment_dispute_fee", -_dispute_fee(currency, day), at
        elif step in ("dispute_won", "dispute_closed"):
            yield "payment_dispute_reversal", gross, at


def _dispute_fee(currency: str, day: int) -> int:
    return settle(DISPUTE_FEE, "usd", currency, day)


def _held_until(settles_at: int) -> int:
    return settles_at + _HELD_DAYS * DAY


def hold_of(row: Row, clock: int) -> tuple[int, str, int] | None:
    """What is held back of a payment's row: smallest units, currency, until when; None if nothing.

    Args:
        row: the payment.
        clock: milliseconds.
    """
    try:
        _, gross, paid_at = next(_row_events(row))
    except (StopIteration, KeyError, TypeError, ValueError):
        return None
    until = _held_until(_midnight_after(paid_at, _AVAILABLE_AFTER))
    if gross < HELD_SHARE or until <= clock:
        return None
    return gross // HELD_SHARE, row.get("settlement_currency") or row["currency"], until


def _row_events(row: Row) -> Iterator[tuple[str, int, int]]:
    """The same of a row made by hand."""
    if row.get("status") != "paid" or not row.get("total") or row.get("paid_at") is None:
        return
    if not is_amount(row["total"]):
        raise TypeError("no amount")
    currency, settled_in = row["currency"], row.get("settlement_currency") or row["currency"]
    day = ms_of(row["created_at"]) // DAY

    def settled(amount: float) -> int:
        return settle(round(amount * scale_of(currency)), currency, settled_in, day)

    gross, paid_at = settled(row["total"]), ms_of(row["paid_at"])
    yield "payment_gross", gross, paid_at
    minor = round(row["total"] * scale_of(currency))
    for kind, amount in fees_of(minor, currency, settled_in, day):
        yield kind, -amount, paid_at
    if row.get("refunded_amount"):
        at = ms_of(row["refunded_at"]) if row.get("refunded_at") else paid_at
        yield "payment_refund", -settled(row["refunded_amount"]), at
    substatus = str(row.get("substatus"))
    alerted = row.get("dispute_alerted_at")
    if alerted is not None and not substatus.startswith("dispute_warning"):
        yield "payment_dispute", -gross, ms_of(alerted)
        yield "payment_dispute_fee", -_dispute_fee(settled_in, day), ms_of(alerted)
        if substatus in ("dispute_won", "dispute_closed"):
            at = ms_of(row["updated_at"]) if row.get("updated_at") else ms_of(alerted)
            yield "payment_dispute_reversal", gross, at


class Ledger:
    """The lines and payouts of one business, made when they are asked for."""

    def __init__(self, business: Seller) -> None:
        self._business = business
        self._asked = _Asked()
        self._kept: tuple[list[Line], list[Payout]] | None = None

    def forget(self) -> None:
        """Something has happened: they are to be made anew."""
        self._kept = None

    def lines(self) -> list[Line]:
        """All lines, in the order of their numbers."""
        return self._made()[0]

    def payouts(self) -> list[Payout]:
        """All payouts, in the order of their numbers."""
        return self._made()[1]

    def changed(self, payment_id: str, row: Row) -> None:
        """A payment was put in by hand: its lines so far stay, the difference is new lines."""
        lines = self._asked.frozen.get(payment_id)
        if lines is None:
            item = self._business.tables["payments"].find(payment_id)
            lines = [] if item is None else list(self._of(item))
        self._asked.frozen[payment_id] = lines
        currency = row.get("settlement_currency") or row.get("currency") or "usd"
        try:
            events = [*_row_events(row)]
        except (KeyError, TypeError, ValueError):
            return  # a row that holds nonsense moves no money
        clock = self._business.clock_ms
        had: dict[str, int] = defaultdict(int)
        for line in lines:
            had[line.line_type] += line.amount
        wanted: dict[str, int] = defaultdict(int)
        when: dict[str, int] = {}
        for kind, amount, at in events:
            wanted[kind] += amount
            when[kind] = at
        for kind in dict.fromkeys((*had, *wanted)):
            amount = wanted[kind] - had[kind]
            if not amount:
                continue
            # In its own time where nobody has read that far yet, else now.
            at = when.get(kind, clock)
            posted = at if self._asked.told_at < at <= clock else clock
            self._asked.count += 1
            number = _BY_HAND + self._asked.count
            lines.append(self._line(number, kind, amount, currency, posted, payment_id))
        self.forget()

    def _of(self, item: Payment | PlainRow) -> Iterator[Line]:
        if isinstance(item, PlainRow):
            return
        base, currency, payment_id = item.number * PLACES, item.settled_in, item.id
        for place, (kind, amount, at) in enumerate(_events(item)):
            if amount:
                yield self._line(base + place, kind, amount, currency, at, payment_id)

    def _line(
        self, number: int, kind: str, amount: int, currency: str, at: int, payment_id: str | None
    ) -> Line:
        credit = kind == "payment_gross" or kind.endswith("_fee")
        days = _AVAILABLE_AFTER if credit and payment_id is not None else 0
        available = _midnight_after(at, days) if days else at
        encode = self._business.ids["financial_activity"].encode
        return Line(number, kind, amount, currency, at, available, payment_id, id=encode(number))

    def _made(self) -> tuple[list[Line], list[Payout]]:
        self._asked.told_at = self._business.clock_ms
        if self._kept is None:
            lines = [
                line
                for item in payments_of(self._business)
                if item.id not in self._asked.frozen
                for line in self._of(item)
            ]
            for frozen in self._asked.frozen.values():
                lines += frozen
            lines += self._transferred()
            lines += [held for line in lines for held in self._held_of(line)]
            payouts = sorted(self._paid_out(lines), key=lambda payout: payout.number)
            lines.sort(key=lambda line: line.number)
            self._kept = lines, payouts
        return self._kept

    def _transferred(self) -> Iterator[Line]:
        for item in transfers_of(self._business):
            for step, (kind, amount) in enumerate(item.movements()):
                number = _OF_TRANSFERS + item.number * 4 + step
                line = self._line(number, kind, amount, item.currency, item.done_at, None)
                line.source = "transfer", item.id
                yield line

    def _held_of(self, line: Line) -> Iterator[Line]:
        """The lines by which a part of a payment is held back, and let go again."""
        held = line.amount // HELD_SHARE
        if line.line_type != "payment_gross" or held <= 0:
            return
        begins = line.available_at
        for step, (kind, amount, at) in enumerate(
            (
                ("psp_reserve_hold", -held, begins),
                ("psp_reserve_release", held, _held_until(begins)),
            )
        ):
            if at <= self._business.clock_ms:
                number = _OF_HOLDS + line.number * 2 + step
                moved = self._line(number, kind, amount, line.currency, at, line.payment_id)
                moved.internal = True
                yield moved

    def _paid_out(self, lines: list[Line]) -> Iterator[Payout]:
        """The payouts, whose own lines are added to the others."""
        waiting: dict[str, list[Line]] = defaultdict(list)
        for line in sorted(lines, key=lambda each: (each.available_at, each.number)):
            waiting[line.currency].append(line)
        dollars = waiting[_INTO]
        # Dollars last: what other money is changed into is there by then.
        for currency in sorted(waiting, key=lambda each: (each == _INTO, each)):
            # Not by place among those there are: one that comes later would number all anew.
            place = _PLACES.index(currency) if currency in _PLACES else len(_PLACES)
            of_it = sorted(waiting[currency], key=lambda each: (each.available_at, each.number))
            yield from self._paid_out_in(currency, of_it, place, lines, dollars)

    def _changed(self, currency: str, amount: int, at: int, number: int) -> list[Line]:
        """Both lines of a conversion: what goes out of one currency comes into the other."""
        base = _OF_CONVERSIONS + number * 2
        into = settle(amount, currency, _INTO, at // DAY)
        return [
            self._line(base, "currency_conversion_outgoing", -amount, currency, at, None),
            self._line(base + 1, "currency_conversion_incoming", into, _INTO, at, None),
        ]

    def _paid_out_in(
        self,
        currency: str,
        waiting: list[Line],
        place: int,
        lines: list[Line],
        dollars: list[Line],
    ) -> Iterator[Payout]:
        clock = self._business.clock_ms
        encode = self._business.ids["payouts"].encode
        fee = _FEE if currency in _FEE_CURRENCIES else 0
        week, balance, done = 7 * DAY, 0, 0
        first = min((line.available_at for line in waiting), default=clock)
        monday = (first - _MONDAY) // week * week + _MONDAY + week
        back: list[tuple[int, int]] = []
        while monday <= clock:
            since = done
            while done < len(waiting) and waiting[done].available_at <= monday:
                balance += waiting[done].amount
                done += 1
            balance += sum(amount for at, amount in back if at <= monday)
            back = [(at, amount) for at, amount in back if at > monday]
            number = monday // week * 8 + place
            if balance > 0 and currency in _CHANGED and monday // week % 4 == 0:
                out, into = self._changed(currency, balance, monday, number)
                lines += (out, into)
                dollars.append(into)
                balance = 0
            if balance > fee:
                key = encode(number)
                for line in waiting[since:done]:
                    line.withdrawal_id = key
                age = clock - monday
                status = "requested" if age < 6 * HOUR else "processing"
                if age >= 2 * DAY:
                    status = "completed"
                ends, days = _RETURNED.get(number % 29, ("", 0))
                returned = monday + days * DAY if days and age >= days * DAY else None
                if returned is not None:
                    status = ends
                yield Payout(number, key, balance, fee, currency, monday, status, returned)
                own = [("withdrawal", -(balance - fee), monday), ("withdrawal_fee", -fee, monday)]
                if returned is not None:
                    own.append(("withdrawal_reversal", balance - fee, returned))
                    own.append(("withdrawal_fee_reversal", fee, returned))
                    back.append((returned, balance))
                for step, (kind, amount, at) in enumerate(own):
                    if amount:
                        line = self._line(
                            _OF_PAYOUTS + number * 4 + step, kind, amount, currency, at, None
                        )
                        line.source = "payout", key
                        lines.append(line)
                balance = 0
            monday += week


def balances(lines: Iterable[Line], clock: int) -> dict[str, tuple[int, int, int]]:
    """Available, pending and held back money by currency."""
    found: dict[str, tuple[int, int, int]] = {}
    for line in lines:
        available, pending, held = found.get(line.currency, (0, 0, 0))
        if line.internal:
            available, held = available + line.amount, held - line.amount
        elif line.available_at <= clock:
            available += line.amount
        else:
            pending += line.amount
        found[line.currency] = available, pending, held
    return found
