"""Revenue: payment by payment, by day, and by the day on which it was earned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from oracle.basics import (
    ZERO,
    Raw,
    Row,
    days_between,
    month_of,
    months_between,
    sum_or_none,
    total,
)
from oracle.money import Payment, in_order_of_payment, money_sums
from oracle.periods import Calendar, Period


def is_sale(payment: Payment) -> bool:
    """Whether money changed hands: not so for the free first payment of a trial."""
    price, tax = payment.row.get("total") or ZERO, payment.row.get("tax_amount") or ZERO
    return payment.is_paid and payment.paid is not None and price > tax


class Revenue:
    """The money of a company."""

    def __init__(self, raw: Raw, payments: list[Payment], periods: list[Period]) -> None:
        self.raw = raw
        self.payments = payments
        self.periods = {p.payment.id: p for p in periods if Calendar(raw).has_begun(p)}

    def fct_payments(self) -> list[Row]:
        first: dict[str | None, Payment] = {}
        for payment in sorted(self.payments, key=in_order_of_payment):
            if is_sale(payment):
                first.setdefault(payment.member_id, payment)
        return [
            {
                **self.fct_payment(payment),
                "is_first": payment.member_id is not None
                and first.get(payment.member_id) is payment,
            }
            for payment in self.payments
            if payment.created
        ]

    def fct_payment(self, payment: Payment) -> Row:
        # An amount is null when nobody can know it, and 0 before its time has come.
        gross = payment.gross if payment.paid else ZERO
        refunds = payment.refunded_by_now
        refund = sum_or_none(refund.usd for refund in refunds)
        charged_back = sum_or_none(taken.usd for taken in payment.charged_back_by_now)
        fees = payment.fees if payment.paid else ZERO
        net = None
        if gross is not None and refund is not None and charged_back is not None:
            net = gross - refund - charged_back - (fees or ZERO)
        period = self.periods.get(payment.id)
        recurring = period.recurring if period else ZERO
        return {
            "payment_id": payment.id,
            "membership_id": payment.membership_id,
            "member_id": payment.member_id,
            "plan_id": payment.plan_id,
            "product_id": payment.product_id,
            "currency": payment.currency,
            "total": payment.row.get("total"),
            "paid_at": payment.paid_at if payment.paid else None,
            "paid_date": payment.paid,
            "refunded_at": refunds[-1].at if refunds else None,
            "refunded_date": payment.refunded,
            "refunded_amount": self.refunded_amount(payment),
            "fees_amount": self.fees_amount(payment),
            "gross_usd": gross,
            "recurring_usd": recurring,
            "one_time_gross_usd": None if gross is None or recurring is None else gross - recurring,
            "refunded_usd": refund,
            "charged_back_usd": charged_back,
            "fees_usd": fees,
            "net_usd": net,
            "is_paid": payment.is_paid and payment.paid is not None,
            "is_refunded": payment.refunded is not None,
            "is_disputed": payment.is_disputed,
            "is_recovered": payment.has_failed and payment.is_paid and payment.paid is not None,
        }

    def refunded_amount(self, payment: Payment) -> Decimal | None:
        """What was refunded, in the payment's currency; null before its time has come."""
        amount: Decimal | None = payment.row.get("refunded_amount")
        if payment.refunds:
            by_now = payment.refunded_by_now
            return total(refund.amount for refund in by_now) if by_now else None
        return amount

    def fees_amount(self, payment: Payment) -> Decimal | None:
        """Fees in the payment's currency, once it is paid and if they are settled in it."""
        row = payment.row
        price, after_fees = row.get("total"), row.get("amount_after_fees")
        if not payment.paid or row.get("settlement_currency") != row.get("currency"):
            return None
        return None if price is None or after_fees is None else Decimal(price - after_fees)

    # ------------------------------------------------------------------ earned

    def recognized_by_day(
        self, payment: Payment, *, forever: bool = False
    ) -> Iterator[tuple[date, Decimal]]:
        """What a payment adds to recognized revenue, day by day, up to as_of or for ever."""
        takebacks: list[tuple[date, Decimal]] = []
        for day, usd in payment.taken_back:
            if payment.paid is None or day < payment.paid:
                yield day, -usd
                if payment.paid is not None:  # put right on the day of the payment
                    yield payment.paid, usd
            if payment.paid is not None:
                takebacks.append((max(day, payment.paid), usd))
        if payment.paid is None:
            return
        period = self.periods.get(payment.id)
        recurring = (period.recurring or ZERO) if period else ZERO
        days_left = self.days_to_earn(period) if period else 0
        deferred = recurring
        yield payment.paid, (payment.gross or ZERO) - recurring
        last = payment.paid + timedelta(days=days_left)
        last = max([last, *(day for day, _ in takebacks)])
        until = last if forever else min(self.raw.today, last)
        for day in days_between(payment.paid, until):
            for of_day, usd in takebacks:
                if of_day == day:  # what is not yet earned goes first
                    taken = min(deferred, usd)
                    deferred -= taken
                    yield day, taken - usd
            if days_left:
                yield day, deferred / days_left
                deferred -= deferred / days_left
                days_left -= 1

    def days_to_earn(self, period: Period) -> int:
        """Over how many days a period's revenue is earned."""
        if period.natural_end == period.start + timedelta(days=period.days):
            return period.days
        return max(1, (self.raw.day(period.natural_end) - self.raw.day(period.start)).days)

    def revenue_recognition_monthly(self) -> list[Row]:
        dates = [p.paid for p in self.payments if p.paid and p.gross]
        dates += [day for p in self.payments for day, usd in p.taken_back if usd]
        if not dates:
            return []
        by_month: dict[date, Decimal] = defaultdict(Decimal)
        for payment in self.payments:
            for day, usd in self.recognized_by_day(payment):
                by_month[month_of(day)] += usd
        rows = []
        to_date = ZERO
        for month in months_between(min(dates), self.raw.today):
            to_date += by_month[month]
            sums = money_sums(self.payments, self.raw.last_day(month).__ge__)
            billed = sums["gross_usd"] - sums["refunded_usd"] - sums["charged_back_usd"]
            rows.append(
                {
                    "month": month,
                    "recognized_usd": by_month[month],
                    "deferred_end_usd": billed - to_date,
                }
            )
        return rows

    def revenue_daily(self) -> list[Row]:
        groups: dict[tuple[Any, ...], list[Payment]] = defaultdict(list)
        for payment in self.payments:
            dates = {payment.paid} if payment.paid else set()
            dates |= {day for day, usd in payment.taken_back if usd}
            for day in dates:
                groups[day, payment.product_id, payment.plan_id, payment.currency].append(payment)
        return [
            {
                "date": key[0],
                "product_id": key[1],
                "plan_id": key[2],
                "currency": key[3],
                **money_sums(payments, key[0].__eq__),
                "payments_count": sum(1 for p in payments if p.is_paid and p.paid == key[0]),
            }
            for key, payments in groups.items()
        ]
