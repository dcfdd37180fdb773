"""What a payment brought in, and what went back: gross, refunds, charge-backs, fees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from oracle.basics import EARLIEST, FAILED_STATUSES, LATEST, ZERO, Raw, Row, sum_or_none, total
from oracle.ledger_fees import fees_in_usd


@dataclass(frozen=True)
class Refund:
    """Money that went back, with a day of its own."""

    at: datetime | None
    day: date | None
    """Day of `at`; None when that is after as_of."""
    amount: Decimal
    """In the payment's currency, with its tax."""
    net: Decimal
    """Without its tax."""
    usd: Decimal | None
    """`net` in dollars; None when it is not known in dollars."""


@dataclass(frozen=True)
class Chargeback:
    """What a lost dispute took, without tax."""

    at: datetime
    day: date | None
    usd: Decimal | None


@dataclass(frozen=True)
class Payment:
    """A payment with what the definitions make of it; dates are in the reporting time zone."""

    row: Row
    id: str
    membership_id: str | None
    member_id: str | None
    plan_id: str | None
    product_id: str | None
    currency: str | None
    created: date | None
    paid_at: datetime | None
    paid: date | None
    """Day of `paid_at`; None when that is after as_of, as are the other days."""
    refunds: tuple[Refund, ...]
    chargebacks: tuple[Chargeback, ...]
    is_paid: bool
    is_disputed: bool
    has_failed: bool
    net: Decimal | None
    """Total without tax, in the payment's currency."""
    billed: Decimal | None
    """What was asked for, paid or not; an amount is None when it is not known in dollars."""
    gross: Decimal | None
    fees: Decimal | None

    @property
    def refunded_by_now(self) -> list[Refund]:
        """The refunds by as_of, oldest first."""
        known = [refund for refund in self.refunds if refund.day]
        return sorted(known, key=lambda refund: refund.at or EARLIEST)

    @property
    def charged_back_by_now(self) -> list[Chargeback]:
        return [chargeback for chargeback in self.chargebacks if chargeback.day]

    @property
    def refund(self) -> Decimal | None:
        """All that ever was refunded, as_of or not, in dollars."""
        return sum_or_none(refund.usd for refund in self.refunds)

    @property
    def refunded(self) -> date | None:
        """Day of the last refund by as_of."""
        return max((r.day for r in self.refunds if r.day), default=None)

    @property
    def taken_back(self) -> list[tuple[date, Decimal]]:
        """What refunds and lost disputes took by as_of, and on which days."""
        back: list[Refund | Chargeback] = [*self.refunded_by_now, *self.charged_back_by_now]
        return [(taken.day, taken.usd or ZERO) for taken in back if taken.day]

    @property
    def is_refunded_in_full(self) -> bool:
        price = self.row.get("total") or ZERO
        return price > 0 and total(refund.amount for refund in self.refunds) >= price


def in_order_of_payment(payment: Payment) -> tuple[datetime, str]:
    return payment.paid_at or LATEST, payment.id


def rate_of(row: Row) -> Fraction | None:
    """US dollars for one unit of a payment's currency; None when nobody can know it."""
    if row.get("usd_total") is not None and row.get("total"):
        return Fraction(row["usd_total"]) / Fraction(row["total"])
    return Fraction(1) if row.get("currency") == "usd" else None


def in_usd(amount: Decimal | None, row: Row) -> Decimal | None:
    """An amount of a payment in US dollars."""
    if not amount:
        return amount  # nothing is nothing in any currency
    # Multiplied before divided, so that a whole number of cents stays one.
    if row.get("usd_total") is not None and row.get("total"):
        return Decimal(amount * row["usd_total"] / row["total"])
    return amount if row.get("currency") == "usd" else None


def money_sums(payments: Iterable[Payment], within: Callable[[date], bool]) -> Row:
    """Gross, refunds, charge-backs, fees and net of payments, each by its own date."""
    payments = list(payments)
    gross = total(p.gross for p in payments if p.paid and within(p.paid))
    refunded = total(r.usd for p in payments for r in p.refunded_by_now if r.day and within(r.day))
    charged_back = total(
        c.usd for p in payments for c in p.charged_back_by_now if c.day and within(c.day)
    )
    fees = total(p.fees for p in payments if p.paid and within(p.paid))
    return {
        "gross_usd": gross,
        "refunded_usd": refunded,
        "charged_back_usd": charged_back,
        "fees_usd": fees,
        "net_usd": gross - refunded - charged_back - fees,
    }


class PaymentReader:
    """Reads payments together with the refunds and disputes that are listed of them."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.posted_fees = fees_in_usd(raw)
        self.listed_refunds: dict[str, list[Row]] = defaultdict(list)
        for row in raw.table("refunds"):
            self.listed_refunds[row["payment__id"]].append(row)
        self.listed_disputes: dict[str, list[Row]] = defaultdict(list)
        for row in raw.table("disputes"):
            self.listed_disputes[row["payment__id"]].append(row)

    def payments(self) -> list[Payment]:
        return [self.payment(row) for row in self.raw.table("payments")]

    def payment(self, row: Row) -> Payment:
        raw = self.raw
        price, tax = row.get("total"), row.get("tax_amount") or ZERO
        net = None if price is None else price - tax
        paid_at: datetime | None = row.get("paid_at")
        is_paid = row.get("status") == "paid"
        ever_paid = is_paid or paid_at is not None
        gross = in_usd(net, row)
        same_currency = row.get("settlement_currency") == row.get("currency")
        after_fees = row.get("amount_after_fees")
        fees = None
        if same_currency and price is not None and after_fees is not None:
            fees = in_usd(price - after_fees, row)
        fees = self.posted_fees.get(row["id"], fees)
        plan = raw.plans.get(row.get("plan__id") or "", {})
        refunds = tuple(self.refunds_of(row)) if ever_paid else ()
        left = ZERO
        if is_paid and net is not None:
            left = max(ZERO, net - total(refund.net for refund in refunds))
        return Payment(
            row=row,
            id=row["id"],
            membership_id=row.get("membership__id"),
            member_id=self.member_of(row),
            plan_id=row.get("plan__id"),
            product_id=row.get("product__id") or plan.get("product__id"),
            currency=row.get("currency"),
            created=raw.known_day(row.get("created_at")),
            paid_at=paid_at,
            paid=raw.known_day(paid_at),
            refunds=refunds,
            chargebacks=tuple(self.chargebacks_of(row, left)),
            is_paid=is_paid,
            is_disputed=self.is_disputed(row),
            has_failed=(row.get("payments_failed") or 0) > 0
            or row.get("status") in FAILED_STATUSES,
            net=net,
            billed=gross,
            gross=gross if is_paid else ZERO,
            fees=fees if ever_paid else ZERO,
        )

    def member_of(self, row: Row) -> str | None:
        """The payment's member, else the membership's, else the membership's own id."""
        membership_id = row.get("membership__id")
        membership = self.raw.memberships.get(membership_id or "", {})
        return row.get("member__id") or membership.get("member__id") or membership_id

    def refunds_of(self, row: Row) -> Iterator[Refund]:
        """The refunds of a payment: those listed, then what it says went back beyond them."""
        when = row.get("refunded_at") or row.get("paid_at")
        refunds: list[tuple[datetime | None, Decimal]] = []
        for refund in self.listed_refunds[row["id"]]:
            same_currency = refund.get("currency") == row.get("currency")
            if refund.get("status") == "succeeded" and same_currency and refund["amount"] > 0:
                refunds.append((refund.get("created_at") or when, refund["amount"]))
        said = row.get("refunded_amount") or ZERO
        automatic = row.get("auto_refunded") or row.get("substatus") == "auto_refunded"
        if automatic and not said:
            said = row.get("total") or ZERO
        listed = total(amount for _, amount in refunds)
        if said > listed:
            refunds.append((when, said - listed))
        everything = total(amount for _, amount in refunds)
        for at, amount in refunds:
            net = amount - self.tax_in_refund(row, amount, everything)
            yield Refund(at, self.raw.known_day(at), amount, net, in_usd(net, row))

    def tax_in_refund(self, row: Row, amount: Decimal, everything: Decimal) -> Decimal:
        """The tax of one refund: its share of what Whop says, else of the payment's tax."""
        given: Decimal | None = row.get("tax_refunded_amount")
        if given is not None:
            return given * amount / everything
        price: Decimal | None = row.get("total")
        return (row.get("tax_amount") or ZERO) * amount / price if price else ZERO

    def chargebacks_of(self, row: Row, left: Decimal) -> Iterator[Chargeback]:
        """What lost disputes took of what was left after the refunds."""
        price, tax = row.get("total") or ZERO, row.get("tax_amount") or ZERO
        otherwise = row.get("dispute_alerted_at") or row.get("paid_at")
        listed = self.listed_disputes[row["id"]]
        lost = [dispute for dispute in listed if dispute.get("status") == "lost"]
        if not listed and row.get("substatus") == "dispute_lost":
            lost = [{"id": "", "amount": None}]
        dated = [(d.get("created_at") or otherwise, d["id"], d) for d in lost]
        for at, _, dispute in sorted(dated, key=lambda one: (one[0] or LATEST, one[1])):
            amount = dispute.get("amount")
            if amount is None or dispute.get("currency", row.get("currency")) != row["currency"]:
                amount = price
            taken = min(left, amount * (price - tax) / price if price else ZERO)
            left -= taken
            if at:
                yield Chargeback(at, self.raw.known_day(at), in_usd(taken, row))

    def is_disputed(self, row: Row) -> bool:
        """Whether the payment says so, or a dispute of it is listed, by as_of."""
        if (row.get("substatus") or "").startswith("dispute_"):
            return True
        began = [row.get("dispute_alerted_at")]
        disputes = self.listed_disputes[row["id"]]
        began += [dispute.get("created_at") for dispute in disputes]
        if disputes and not any(began):
            began = [row.get("created_at")]
        return any(self.raw.known_day(moment) for moment in began)
