"""The ledger: every movement of money as a line that never changes, and the payouts made of them.

A line follows from a payment's life. A payment that is changed by hand leaves the lines it had and
gets new ones for the difference: nobody who has read the ledger may find other lines before the
point they read to. Real Whop has some three hundred kinds of line, of which there are ten here.

The schedule of payouts is the simulator's own: on Mondays, what is available in each currency.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .lives import Payment
from .seller import Seller, payments_of
from .tables import PlainRow
from .treasury import transfers_of
from .units import DAY, HOUR, Row, fees_of, is_amount, iso, ms_of, scale_of, settle, usd_cents

PLACES = 64
"""Room for the lines of one payment."""
_BY_HAND = 1 << 45
"""Lines that a change by hand brought are numbered beyond those that follow from a payment."""
_OF_PAYOUTS = 1 << 47
_OF_TRANSFERS = 1 << 46
_MONDAY = 4 * DAY + 12 * HOUR  # 1970 began on a Thursday
_AVAILABLE_AFTER = 2
_FEE = 200
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

    @property
    def way(self) -> str:
        """Into the balance, or out of it."""
        return "money_in" if self.amount > 0 else "money_out"

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

    def _paid_out(self, lines: list[Line]) -> Iterator[Payout]:
        """The payouts, whose own lines are added to the others."""
        waiting: dict[str, list[Line]] = defaultdict(list)
        for line in sorted(lines, key=lambda each: (each.available_at, each.number)):
            waiting[line.currency].append(line)
        for place, currency in enumerate(sorted(waiting)):
            yield from self._paid_out_in(currency, waiting[currency], place, lines)

    def _paid_out_in(
        self, currency: str, waiting: list[Line], place: int, lines: list[Line]
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
            if balance > fee:
                number = monday // week * 8 + place
                key = encode(number)
                for line in waiting[since:done]:
                    line.withdrawal_id = key
                failed = number % 29 == 0
                age = clock - monday
                status = "requested" if age < 6 * HOUR else "processing"
                if age >= 2 * DAY:
                    status = "failed" if failed else "completed"
                yield Payout(number, key, balance, fee, currency, monday, status)
                own = [("withdrawal", -(balance - fee), monday), ("withdrawal_fee", -fee, monday)]
                if status == "failed":
                    returned = monday + 2 * DAY
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


def _object(value: Any) -> Row:
    return value if isinstance(value, dict) else {}


def line_row(line: Line, business: Seller) -> Row:
    """A line as the list shows it."""
    scale = scale_of(line.currency)
    item: Any = None
    if line.payment_id is not None:
        item = business.tables["payments"].find(line.payment_id)
    payment: Row = {} if item is None else business.show("payments", item)
    plan, product, user = (_object(payment.get(name)) for name in ("plan", "product", "user"))
    plan_item = business.tables["plans"].find(plan["id"]) if plan else None
    usd = usd_cents(line.amount, line.currency, line.posted_at)
    return {
        "id": line.id,
        "amount": str(line.amount),
        "available_at": iso(line.available_at),
        "currency": {"code": line.currency, "precision": str(scale)},
        "line_type": line.line_type,
        "object": "ledger_activity",
        "payment": None,
        "payment_id": line.payment_id,
        "plan_id": plan.get("id"),
        "plan_name": None if plan_item is None else plan_item.row.get("title"),
        "posted_at": iso(line.posted_at),
        "product_id": product.get("id"),
        "product_name": product.get("title"),
        "resource": None,
        "source": (
            None if line.source is None else {"id": line.source[1], "object": line.source[0]}
        ),
        "usd_amount": None if line.currency == "eth" else f"{usd / 100:.2f}",
        "user_email": user.get("email"),
        "user_id": user.get("id"),
        "user_name": user.get("name"),
    }


def payout_row(item: Payout, business: Seller) -> Row:
    """A payout as an object shows it; the list leaves some of it out."""
    scale = scale_of(item.currency)
    digits = len(str(scale)) - 1

    def text(minor: int) -> str:
        return f"{minor / scale:.{digits}f}"

    net = item.amount - item.fee
    arrives = item.created_at + 2 * DAY
    failed = item.status == "failed"
    return {
        "id": item.id,
        "amount": text(item.amount),
        "cancelable": item.status == "requested",
        "created_at": iso(item.created_at),
        "currency": item.currency,
        "delayed": False,
        "destination_amount": text(net),
        "destination_currency": item.currency,
        "estimated_arrival": iso(arrives),
        "estimated_arrival_end": iso(arrives + DAY),
        "exchange_rate": 1.0,
        "failure": (
            {"code": "account_closed", "funds_returned_at": iso(arrives),
             "message": "The bank account is closed."}
            if failed
            else None
        ),
        "fee_amount": text(item.fee),
        "fee_paid_by": "self",
        "markup_fee": text(0),
        "metadata": {},
        "net_amount": text(net),
        "notes": None,
        "object": "payout",
        "payer_name": "Whop",
        "payout_method": {"nickname": "Main account", "supported_payout_method": None},
        "payout_request_id": None,
        "recipient_name": business.company["title"],
        "sender_name": "Whop",
        "source": item.source,
        "speed": "standard",
        "statement_descriptor": "WHOP",
        "status": item.status,
        "status_detail": item.status,
        "timeline": [],
        "trace_code": f"{item.number:012}" if item.status == "completed" else None,
    }  # fmt: skip


def balances(lines: Iterable[Line], clock: int) -> dict[str, tuple[int, int]]:
    """Available and pending money by currency."""
    found: dict[str, tuple[int, int]] = {}
    for line in lines:
        available, pending = found.get(line.currency, (0, 0))
        if line.available_at <= clock:
            available += line.amount
        else:
            pending += line.amount
        found[line.currency] = available, pending
    return found
