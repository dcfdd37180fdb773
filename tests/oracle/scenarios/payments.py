"""What is paid, refunded, disputed, failed, in which currency and with which code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from oracle.business import Business


def setup_fee(b: Business) -> None:
    """A first payment above the renewal price, and one below it."""
    plan = b.plan("20", initial_price=Decimal(49))
    for first in ("69", "15"):
        _, payments = b.subscribe(plan, cycles=3, status="canceled", canceled_at=b.moment())
        payments[0] |= {"total": Decimal(first), "amount_after_fees": Decimal(first) - 2}
        if payments[0]["usd_total"]:
            payments[0]["usd_total"] = Decimal(first)
    euro = b.plan("20", currency="eur", initial_price=Decimal(10))
    _, payments = b.subscribe(euro, cycles=2)
    payments[0] |= {"total": Decimal(30), "usd_total": Decimal("32.51")}
    other = b.plan("20")  # priced in dollars, paid in euros: the price says nothing
    _, payments = b.subscribe(other, cycles=2)
    payments[0] |= {"currency": "eur", "total": Decimal(40), "usd_total": Decimal("43.35")}


def refunds(b: Business) -> None:
    """In full and in part, before and after the end of the period, first, middle and last."""
    plan = b.plan("30")
    for index in (0, 1, 2):
        for share in ("1", "0.4", "1.07"):
            for days in (0.2, 12, 45):
                membership, payments = b.subscribe(plan, b.moment(150), 3)
                membership["status"] = b.random.choice(("active", "expired"))
                at = payments[index]["paid_at"] + timedelta(days=days)
                b.refund(payments[index], at, share)
    _, payments = b.subscribe(plan, cycles=1, status="canceled", canceled_at=b.moment())
    b.refund(payments[0], None)  # the moment of the refund is unknown
    membership, payments = b.subscribe(plan, cycles=2, status="expired")
    at = payments[1]["paid_at"] + timedelta(days=3)
    b.refund(payments[1], at, status="void")  # was paid once, is not any more
    for days in (-40, -0.5):  # whoever dated this refund was wrong
        _, payments = b.subscribe(plan, b.moment(150), cycles=2)
        b.refund(payments[1], payments[1]["paid_at"] + timedelta(days=days))
    timeless = b.pay(None, plan, b.moment(), billing_reason="one_time")  # paid, nobody knows when
    b.refund(timeless, timeless["paid_at"] + timedelta(days=4), paid_at=None)
    timeless = b.pay(None, plan, b.moment(), billing_reason="one_time")
    timeless["paid_at"] = None


def failures(b: Business) -> None:
    """Memberships ended by a payment that failed, and payments recovered."""
    plan = b.plan("35")
    for status in ("open", "uncollectible", "void", "unresolved"):
        membership, payments = b.subscribe(plan, cycles=2, status="expired")
        end = payments[-1]["paid_at"] + timedelta(days=30)
        b.pay(membership, plan, None, created_at=end, status=status, payments_failed=3)
    membership, payments = b.subscribe(plan, cycles=2, status="expired")
    before = payments[-1]["paid_at"] - timedelta(days=3)  # failed before the last period began
    b.pay(membership, plan, None, created_at=before, status="void")
    b.subscribe(plan, b.synced_at - timedelta(days=35), 1, status="past_due")


def disputes(b: Business) -> None:
    """Disputes by substatus and by alert, also of what is not paid any more."""
    plan = b.plan("55")
    _, payments = b.subscribe(plan, b.moment(100), 3)
    payments[1]["substatus"] = "dispute_under_review"
    payments[2]["dispute_alerted_at"] = payments[2]["paid_at"] + timedelta(days=2)
    for lost in (True, True, False):  # more disputes than payments that are still paid
        _, payments = b.subscribe(plan, datetime(2024, 2, 5, tzinfo=UTC), 1, status="expired")
        if lost:
            payments[0] |= {"status": "void", "substatus": "dispute_lost"}


def free_and_one_time(b: Business) -> None:
    """Plans that make no subscription: free, one-time, without a period, expiring."""
    once, free = b.plan("99", None), b.plan("0")
    buyer = b.membership(once, b.moment(), status="completed")
    payment = b.pay(buyer, once, buyer["created_at"], billing_reason="one_time")
    b.refund(payment, payment["paid_at"] + timedelta(days=9), "0.25")
    reader = b.membership(free, b.moment())
    b.pay(reader, free, reader["created_at"], billing_reason="subscription_create")
    b.pay(None, once, b.moment(), billing_reason="one_time")  # no membership at all
    endless = b.plan("10", 30, billing_period=None)
    b.pay(b.membership(endless, b.moment()), endless, b.moment())


def currencies(b: Business) -> None:
    """Euros, yen and bitcoin, with the dollars known and not known."""
    euro, yen = b.plan("27.5", currency="eur"), b.plan("4900", currency="jpy")
    coin = b.plan("0.000512345", currency="btc")
    _, payments = b.subscribe(euro, b.moment(120), 2, status="expired")
    payments[0]["usd_total"] = None  # the very first one
    free = b.plan("0", currency="eur")
    b.pay(b.membership(free, b.moment()), free, b.moment())
    unknown: dict[str, Any] = {"created_at": b.moment(), "status": "open", "usd_total": None}
    b.pay(b.membership(euro, b.moment()), euro, None, **unknown)  # failed, in unknown dollars
    late = b.pay(b.membership(euro, b.moment()), euro, b.moment(), **unknown)
    late |= {"status": "paid", "payments_failed": 2}
    for plan in (euro, yen, coin):
        for _ in range(2):
            _, payments = b.subscribe(plan, cycles=4)
            b.trouble(payments[0])
        _, payments = b.subscribe(plan, b.moment(120), 4, status="expired")
        payments[1]["usd_total"] = None
        b.refund(payments[1], payments[1]["paid_at"] + timedelta(days=2), "0.5")
        payments[2]["settlement_currency"] = plan["currency"]


def promo_codes(b: Business) -> None:
    """Begun with a code that is used up since, begun without one, and with two in turn."""
    plan, trial = b.plan("30"), b.plan("30", trial_period_days=7)
    once, forever = b.promo_code("ONCE"), b.promo_code("FOREVER", duration="forever")
    for cycles, code in ((1, once), (3, once), (4, forever), (2, forever), (3, None)):
        membership, payments = b.subscribe(plan, b.moment(200), cycles)
        membership["status"] = b.random.choice(("active", "expired"))
        for payment in payments if code is forever else payments[:1]:
            payment["promo_code__id"] = code["id"] if code else None
        membership["promo_code__id"] = forever["id"] if code is forever else None
    # A code won back whoever was leaving: the subscription did not begin with it.
    membership, payments = b.subscribe(plan, b.moment(200), 3)
    payments[2]["promo_code__id"] = membership["promo_code__id"] = once["id"]
    # Two payments at the same moment, the larger id with a code; and one not paid before them.
    membership, payments = b.subscribe(plan, b.moment(150), 2, status="expired")
    twin = b.pay(membership, plan, payments[0]["paid_at"])
    max(twin, payments[0], key=lambda row: str(row["id"]))["promo_code__id"] = once["id"]
    failed = b.pay(membership, plan, None, created_at=payments[0]["created_at"])
    failed["promo_code__id"] = forever["id"]
    # The free start of a trial is a payment too.
    membership, payments = b.subscribe(trial, b.moment(200), 2)
    start = b.pay(membership, trial, payments[0]["paid_at"] - timedelta(days=7), Decimal(0))
    start["promo_code__id"] = forever["id"]


SCENARIOS = (*(setup_fee, refunds, failures, disputes, free_and_one_time, currencies, promo_codes),)
