"""Members who pay late, not at all, nothing any more, or get their money back."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from oracle.basics import Row
from oracle.business import Business


def codes_that_recur(b: Business) -> None:
    """Codes for one payment, for some months, for ever; all of the price, and a sum of money."""
    month, quarter = b.plan("29.99"), b.plan("75", 90)
    yen, euro = b.plan("4999", currency="jpy"), b.plan("31", currency="eur")
    half = {"amount_off": Decimal("33")}
    kinds: tuple[Row, ...] = (
        {"duration": "once", **half},
        {"duration": "forever", **half},
        {"duration": "repeating", "promo_duration_months": 1, **half},
        {"duration": "repeating", "promo_duration_months": 3, **half},
        {"duration": "once", "amount_off": Decimal(100)},
        {"duration": "forever", "amount_off": Decimal(100)},
        {"duration": "repeating", "amount_off": Decimal(100), "promo_duration_months": 3},
        {"duration": "forever", "promo_type": "flat_amount", "amount_off": Decimal(4)},
        {
            "duration": "forever",
            "promo_type": "flat_amount",
            "amount_off": Decimal(4),
            "currency": "usd",
        },
        {"duration": "forever", "_whop_deleted_at": b.synced_at, **half},
        {"duration": None, **half},
    )
    for index, kind in enumerate(kinds):
        code = b.promo_code(f"CODE{index}", **kind)
        for plan in (month, quarter, yen, euro):
            membership, payments = b.subscribe(plan, b.moment(150), 3)
            membership["status"] = b.random.choice(("active", "active", "expired", "canceled"))
            months = kind.get("promo_duration_months") or (1 if kind["duration"] == "once" else 9)
            off = kind["amount_off"]
            share = 1 if kind.get("promo_type") == "flat_amount" else (100 - off) / 100
            less = off if kind.get("promo_type") == "flat_amount" else Decimal(0)
            for payment in payments[:months]:
                places = Decimal(1) if plan["currency"] == "jpy" else Decimal("0.01")
                total = (payment["total"] * share - less).quantize(places)
                scale(payment, total)
                payment["promo_code__id"] = code["id"]
                if b.random.random() < 0.3:  # the payment says itself what the code was
                    payment |= {
                        "promo_code__amount_off": off,
                        "promo_code__promo_type": kind.get("promo_type", "percentage"),
                        "promo_code__base_currency": b.random.choice((None, plan["currency"])),
                        "promo_code__number_of_intervals": b.random.choice((None, 1, months)),
                    }
    unknown = b.new_id("promo")  # in no list
    _, payments = b.subscribe(month, b.moment(150), 2)
    payments[0] |= {"promo_code__id": unknown, "promo_code__promo_type": "percentage"}
    payments[0] |= {"promo_code__amount_off": Decimal(10)}


def scale(payment: Row, total: Decimal) -> None:
    """Makes a payment one of another total, at the same rate."""
    if payment["usd_total"] is not None:
        usd = payment["usd_total"] * total / payment["total"]
        payment["usd_total"] = usd.quantize(Decimal("0.01"))
    payment |= {"total": total, "subtotal": total, "amount_after_fees": None}


def free_since(b: Business) -> None:
    """Renewals of nothing: for ever, for a while, after a gap, from the first day on."""
    plan, euro = b.plan("33"), b.plan("33", currency="eur")
    for of, free in (
        *((plan, (2, 3, 4)), (plan, (2, 3)), (plan, (2,)), (plan, (0, 1, 2))),
        *((euro, (3, 4)), (euro, (1,)), (plan, (1, 2, 3, 4))),
    ):
        delays = {2: 60.0} if b.random.random() < 0.3 else None
        membership, payments = b.subscribe(of, b.moment(150), 5, delays=delays)
        membership["status"] = b.random.choice(("active", "active", "canceled", "expired"))
        for index in free:
            if index < len(payments):
                payments[index] |= {"total": Decimal(0), "subtotal": Decimal(0)}
                payments[index] |= {"usd_total": b.random.choice((None, Decimal(0)))}
                payments[index] |= {"amount_after_fees": None}


def pauses(b: Business) -> None:
    """Collection paused: for ever, and for a while; canceled in it."""
    plan = b.plan("19")
    for status, paused in (("active", True), ("canceled", True), ("past_due", True)):
        membership, payments = b.subscribe(plan, b.moment(200), 3, status=status)
        membership["payment_collection_paused"] = paused
        if status == "canceled":
            membership["canceled_at"] = payments[-1]["paid_at"] + timedelta(days=80)
    b.subscribe(plan, b.moment(120), 6, delays={3: 50.0}, payment_collection_paused=False)
    b.subscribe(plan, b.synced_at - timedelta(days=12), 1, payment_collection_paused=True)


def goodwill_and_part_refunds(b: Business) -> None:
    """In full to who stays and to who leaves; in part, about as much as was left to earn."""
    plan, taxed = b.plan("30"), b.plan("36")
    for status in ("active", "trialing", "canceled", "expired", "past_due", "canceling"):
        for share, days in (("1", 3), ("0.9", 0.1), ("0.5", 15), ("0.45", 15), ("0.4", 15)):
            membership, payments = b.subscribe(plan, b.moment(200), 2, status=status)
            index = b.random.choice((0, 1, 1))
            if index < len(payments):
                at = payments[index]["paid_at"] + timedelta(days=days)
                if at < b.synced_at:
                    b.refund(payments[index], at, share)
            if status == "canceled":
                membership["canceled_at"] = payments[-1]["paid_at"] + timedelta(days=2)
    for given in (None, Decimal(0), Decimal(3), Decimal(6)):
        _, payments = b.subscribe(taxed, b.moment(200), 2, status="expired")
        payments[0]["tax_amount"] = payments[-1]["tax_amount"] = Decimal(6)
        b.refund(payments[-1], payments[-1]["paid_at"] + timedelta(days=15), "0.5")
        payments[-1]["tax_refunded_amount"] = given
    for changes in ({"auto_refunded": True}, {"substatus": "auto_refunded"}):
        _, payments = b.subscribe(taxed, b.moment(200), 2, status="expired")
        payments[0] |= {"tax_amount": Decimal(6), **changes}
        payments[0]["refunded_at"] = payments[0]["paid_at"] + timedelta(days=1)


def lost_and_won_disputes(b: Business) -> None:
    """Lost, won and open; in part, twice, refunded before; before and after cancelling."""
    plan, euro = b.plan("60"), b.plan("50", 365, currency="eur")
    for of in (plan, euro):
        for status in ("lost", "lost", "won", "needs_response"):
            for share in ("1", "0.5", None):
                membership, payments = b.subscribe(of, b.moment(150), 2)
                payment = payments[-1]
                membership["status"] = b.random.choice(("active", "canceled", "expired"))
                begun = payment["paid_at"] + timedelta(days=b.random.uniform(1, 25))
                if membership["status"] == "canceled":
                    after = timedelta(days=b.random.choice((-20, -1, 1, 5)))
                    membership["canceled_at"] = max(payment["paid_at"], begun + after)
                if b.random.random() < 0.3:
                    payment["tax_amount"] = (payment["total"] / 6).quantize(Decimal("0.01"))
                if b.random.random() < 0.3:
                    b.refund(payment, begun - timedelta(hours=5), "0.3")
                amount = None if share is None else payment["total"] * Decimal(share)
                for _ in range(b.random.choice((1, 1, 2))):
                    b.add(
                        "disputes",
                        {
                            "id": b.new_id("dspt"),
                            "payment__id": payment["id"],
                            "status": status,
                            "amount": amount,
                            "currency": payment["currency"],
                            "created_at": b.random.choice((begun, begun, None)),
                        },
                    )
    # Only the payment says so.
    _, payments = b.subscribe(plan, b.moment(150), 1, status="expired")
    alerted = payments[0]["paid_at"] + timedelta(days=9)
    payments[0] |= {"substatus": "dispute_lost", "dispute_alerted_at": alerted}
    _, payments = b.subscribe(plan, b.moment(150), 3, status="active")
    payments[1]["substatus"] = "dispute_lost"


def long_past_due(b: Business) -> None:
    """Unpaid for months, for days, and given up while the charge was being tried."""
    plan, year = b.plan("26"), b.plan("260", 365)
    failed: dict[str, Any] = {"status": "uncollectible"}
    for status in ("past_due", "unresolved", "active", "unheard_of", "drafted"):
        membership, payments = b.subscribe(plan, b.moment(200), 2, status=status)
        end = payments[-1]["paid_at"] + timedelta(days=30)
        b.pay(membership, plan, None, created_at=end, **failed)
    for days in (2, 13, 16):  # unpaid now: in its grace, and out of it
        for of in (plan, year):
            start = b.synced_at - timedelta(days=of["billing_period"] + days)
            b.subscribe(of, start, 1, status="past_due")
    for after, fails in ((34, True), (34, False), (60, True), (29, True), (36, True)):
        membership, payments = b.subscribe(plan, b.moment(200), 2, status="canceled")
        last = payments[-1]["paid_at"]
        membership["canceled_at"] = last + timedelta(days=after)
        if fails:
            b.pay(
                membership, plan, None, created_at=last + timedelta(days=35 - after % 2), **failed
            )
    membership, payments = b.subscribe(plan, b.moment(150), 2, status="canceled")
    membership["canceled_at"] = payments[0]["paid_at"] + timedelta(days=1)  # an old story


def moving_rates(b: Business) -> None:
    """Every payment at a rate of its own; unknown first, in between, and for ever; with a break."""
    euro, other = b.plan("25", currency="eur"), b.plan("40", currency="eur")
    yen, pound = b.plan("3000", currency="jpy"), b.plan("20", currency="gbp")
    for plan in (euro, euro, euro, yen, pound):
        delays: dict[int, float] = {2: b.random.choice((0, 0, 40))}
        unknown = b.random.choice(((), (0,), (1, 2), (0, 1, 2, 3, 4)))
        membership, payments = b.subscribe(plan, b.moment(120), 5, delays=delays)
        for index, payment in enumerate(payments):
            rate = Decimal(b.random.randrange(800, 1300)) / 1000
            base = Decimal("0.0067") if plan is yen else Decimal(1)
            usd = (payment["total"] * rate * base).quantize(Decimal("0.01"))
            payment["usd_total"] = None if index in unknown else usd
        if plan is euro and b.random.random() < 0.5:  # another price: another rate
            at = payments[-1]["paid_at"] + timedelta(days=30)
            if at < b.synced_at:
                b.pay(membership, other, at, usd_total=b.random.choice((None, Decimal(50))))


def odd_decimals(b: Business) -> None:
    """Amounts as floats print them, and as a blockchain counts."""
    plan, coin = b.plan("19.99"), b.plan("0.010416667", currency="btc")
    noise = Decimal("0.000000000000002")
    for _ in range(3):
        _, payments = b.subscribe(plan, b.moment(200), 2)
        for payment in payments:
            payment["total"] += noise
            payment["amount_after_fees"] = Decimal("19.090000000000003")
            payment["tax_amount"] = Decimal("0.30000000000000004")
    _, payments = b.subscribe(plan, b.moment(200), 1, status="expired")
    at = payments[0]["paid_at"] + timedelta(days=1)
    b.refund(payments[0], at, refunded_amount=Decimal("19.989999999999998"))
    _, payments = b.subscribe(coin, b.moment(200), 2)
    for payment in payments:
        payment["total"] = Decimal("0.010416666666666666")


def taxes_in_the_price(b: Business) -> None:
    """Prices that hold their tax: first payments, set-up fees, codes, in yen too."""
    plan, yen = b.plan("30", initial_price=Decimal(60)), b.plan("6800", currency="jpy")
    code = b.promo_code("INCLUDED", duration="forever", amount_off=Decimal(10))
    for of, first in ((plan, "30"), (plan, "60"), (plan, "27"), (yen, "6800"), (yen, "6120")):
        _, payments = b.subscribe(of, b.moment(150), 3)
        scale(payments[0], Decimal(first))
        for payment in payments:
            places = Decimal(1) if of is yen else Decimal("0.01")
            payment["tax_amount"] = (payment["total"] / 11).quantize(places)
            payment["tax_behavior"] = "inclusive"
        if first in ("27", "6120"):
            for payment in payments:
                payment["promo_code__id"] = code["id"]


SCENARIOS = (
    *(codes_that_recur, free_since, pauses, goodwill_and_part_refunds, lost_and_won_disputes),
    *(long_past_due, moving_rates, odd_decimals, taxes_in_the_price),
)
