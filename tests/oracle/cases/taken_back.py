"""Money that goes back: disputes that are lost, refunds of goodwill and at a cancellation."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from oracle.cases.expect import expect
from oracle.cases.story import Case, Story, moment

# ---------------------------------------------------------------------- chargeback lost


def annual(s: Story, *, canceled_at: str | None = "2026-03-10", **row: Any) -> str:
    s.plan("year", 240, 365)
    s.membership("m", "year", "canceled" if canceled_at else "active", canceled_at=canceled_at)
    return s.pay("m", "2026-02-01", 240, amount_after_fees=Decimal("232.50"), **row)


def lost(s: Story) -> None:
    s.dispute(annual(s), "2026-03-01", 240, "lost")


def won(s: Story) -> None:
    s.dispute(annual(s), "2026-03-01", 240, "won")


def lost_after_cancelling(s: Story) -> None:
    s.dispute(annual(s, canceled_at="2026-02-20"), "2026-03-01", 240, "lost")


def lost_by_substatus(s: Story) -> None:
    """No table of disputes was synced: the payment alone says it, and when."""
    alerted = moment("2026-04-02")
    annual(s, canceled_at=None, substatus="dispute_lost", dispute_alerted_at=alerted)


def lost_with_tax_in_euro(s: Story) -> None:
    s.plan("year", 240, 365, currency="eur")
    s.membership("m", "year", "expired")
    payment = s.pay(
        *("m", "2026-02-01", 288),
        currency="eur",
        tax_amount=Decimal(48),
        usd_total=Decimal("316.80"),
    )
    s.dispute(payment, "2026-03-01", 288, "lost")


def refunded_before_it_was_lost(s: Story) -> None:
    payment = annual(s)
    s.refund(payment, "2026-02-10", 40)
    s.dispute(payment, "2026-03-01", 240, "lost")


def lost_but_paid_since(s: Story) -> None:
    """The next payment continues the membership: only the money is gone."""
    s.plan("p", 29)
    s.membership("m", "p")
    first = s.pay("m", "2026-09-01", 29)
    s.pays("m", "10-01 10-31", 29)
    s.dispute(first, "2026-09-20", 29, "lost")


# ---------------------------------------------------------------------- goodwill refund


def goodwill(s: Story) -> None:
    s.plan("p", 29)
    s.membership("m", "p")
    payments = s.pays("m", "08-01 08-31 09-30 10-30", 29)
    s.refund(payments[1], "2026-09-02", 29)


def goodwill_for_the_last(s: Story) -> None:
    s.plan("p", 29)
    for name, status in (("stays", "active"), ("leaves", "canceled"), ("late", "past_due")):
        s.membership(name, "p", status)
        s.refund(s.pay(name, "2026-10-10", 29), "2026-10-12", 29)


def refund_at_cancellation(s: Story) -> None:
    """27 of 30 days are left, worth 27: 24.30 is nine tenths of it, 24.29 is not."""
    s.plan("p", 30)
    for name, amount in (("all", "24.30"), ("less", "24.29")):
        s.membership(name, "p", "canceled", canceled_at="2026-09-04")
        s.refund(s.pay(name, "2026-09-01", 30), "2026-09-04", amount)


def taxed_refund_in_euro(s: Story) -> None:
    s.plan("p", 25, currency="eur")
    s.membership("m", "p", "expired")
    tax = {"tax_amount": Decimal(5), "currency": "eur", "usd_total": Decimal(33)}
    s.refund(s.pay("m", "2026-09-01", 30, **tax), "2026-09-02", 30)


def back_after_a_refund(s: Story) -> None:
    """Refunded, gone for two months, and back: the refund had ended it."""
    s.plan("p", 29)
    s.membership("m", "p")
    first = s.pay("m", "2026-07-01", 29)
    s.refund(first, "2026-07-04", 29)
    s.pay("m", "2026-10-15", 29)


LOST, GOODWILL = "chargeback lost", "goodwill refund"

CASES = (
    Case(
        *(LOST, "in the first month", lost),
        expect(
            *(("2026-02-01", "new", 20), ("2026-03-01", "churn", -20)),
            why={"m": ("involuntary", "chargeback")},
            months={
                "2026-02": {"gross_usd": 240, "net_usd": Decimal("232.50")},
                "2026-03": {"charged_back_usd": 240, "net_usd": -240},
            },
        ),
    ),
    Case(
        *(LOST, "won"),
        won,
        expect(
            ("2026-02-01", "new", 20),
            why={"m": None},
            months={"2026-03": {"charged_back_usd": 0}},
        ),
    ),
    Case(
        *(LOST, "after cancelling", lost_after_cancelling),
        expect(
            *(("2026-02-01", "new", 20), ("2026-03-01", "churn", -20)),
            why={"m": ("voluntary", "unspecified")},
        ),
    ),
    Case(
        *(LOST, "by substatus", lost_by_substatus),
        expect(
            *(("2026-02-01", "new", 20), ("2026-04-02", "churn", -20)),
            why={"m": ("involuntary", "chargeback")},
            months={"2026-04": {"charged_back_usd": 240}},
        ),
    ),
    Case(
        *(LOST, "with tax, in euro", lost_with_tax_in_euro),
        expect(
            *(("2026-02-01", "new", 22), ("2026-03-01", "churn", -22)),
            months={"2026-02": {"gross_usd": 264}, "2026-03": {"charged_back_usd": 264}},
        ),
    ),
    Case(
        *(LOST, "refunded in part before", refunded_before_it_was_lost),
        expect(
            *(("2026-02-01", "new", 20), ("2026-03-01", "churn", -20)),
            months={"2026-02": {"refunded_usd": 40}, "2026-03": {"charged_back_usd": 200}},
        ),
    ),
    Case(
        *(LOST, "paid since", lost_but_paid_since),
        expect(
            ("2026-09-01", "new", 29),
            why={"m": None},
            months={"2026-09": {"charged_back_usd": 29}},
        ),
    ),
    Case(
        *(GOODWILL, "in the middle", goodwill),
        expect(
            ("2026-08-01", "new", 29), why={"m": None}, months={"2026-09": {"refunded_usd": 29}}
        ),
    ),
    Case(
        *(GOODWILL, "for the last month", goodwill_for_the_last),
        expect(
            *(("2026-10-10", "new", 29),) * 3,
            *(("2026-10-12", "churn", -29),) * 2,
            why={
                "stays": None,
                "leaves": ("lapsed", "not_renewed"),
                "late": ("involuntary", "payment_failed"),
            },
        ),
    ),
    Case(
        *(GOODWILL, "of what was left to earn", refund_at_cancellation),
        expect(
            *(("2026-09-01", "new", 30), ("2026-09-01", "new", 30)),
            *(("2026-09-04", "churn", -30), ("2026-10-01", "churn", -30)),
        ),
    ),
    Case(
        *(GOODWILL, "taxed, in euro", taxed_refund_in_euro),
        expect(
            *(("2026-09-01", "new", "27.5"), ("2026-09-02", "churn", "-27.5")),
            months={
                "2026-09": {
                    "gross_usd": Decimal("27.5"),
                    "refunded_usd": Decimal("27.5"),
                    "net_usd": 0,
                }
            },
        ),
    ),
    Case(
        *(GOODWILL, "back after a refund", back_after_a_refund),
        expect(
            *(("2026-07-01", "new", 29), ("2026-07-04", "churn", -29)),
            ("2026-10-15", "reactivation", 29),
            why={"m": None},
        ),
    ),
)
