"""Plans that are edited, changed on the way, paid in parts, or begun with a fee."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from oracle.business import FIRST_DAY, Business

JUNE = FIRST_DAY + timedelta(days=150)


def plan_edits(b: Business) -> None:
    """Edits of every column, seen in time, late, and without a word of when; and back again."""
    seen = JUNE
    changes: tuple[dict[str, Any], ...] = (
        {"renewal_price": Decimal(49)},
        {"renewal_price": Decimal(290), "billing_period": 365},
        {"plan_type": "one_time", "billing_period": None},
        {"trial_period_days": 7},
        {"currency": "eur", "renewal_price": Decimal(25)},
        {"split_pay_required_payments": 3},
        {"title": "Another name"},
        {"initial_price": Decimal(5)},
    )
    for index, change in enumerate(changes):
        plan = b.plan("29")
        before = dict(plan)
        b.subscribe(plan, JUNE - timedelta(days=100), 9, status="active")
        b.subscribe(plan, JUNE - timedelta(days=40), 2, status="expired")
        edited = b.random.choice((seen - timedelta(hours=5), FIRST_DAY - timedelta(days=9), None))
        b.edit_plan(plan, seen, edited, **change)
        if index % 3 == 0:  # the same seen again
            b.see_plan(plan, seen + timedelta(hours=1))
        if plan["billing_period"]:
            b.subscribe(plan, seen + timedelta(days=3), 3, status="active")
        # Whoever was there pays the old price on, and so does one who joined under it since.
        old = b.subscribe(before, seen - timedelta(days=2), 5, status="active")
        assert old
        if index % 2:
            later = seen + timedelta(days=60)
            back = {name: before.get(name) for name in change}
            b.edit_plan(plan, later, later - timedelta(minutes=1), **back)
            b.subscribe(plan, later + timedelta(days=2), 3)


def plans_told_by_hand(b: Business) -> None:
    """What plans were before the first sync: open, closed, in the middle, of nobody's company."""
    start = FIRST_DAY + timedelta(days=5)
    for given in (
        {"valid_to": JUNE},
        {"valid_from": FIRST_DAY, "valid_to": JUNE, "company_id": None},
        {"valid_from": FIRST_DAY + timedelta(days=60), "valid_to": JUNE},
        {},
    ):
        plan = b.plan("240", 365)
        monthly = {"billing_period_days": 30, "renewal_price": Decimal(20)}
        b.tell_version(plan, **{**monthly, **given})
        if not given:  # until the next edit that a sync saw
            b.edit_plan(plan, JUNE, JUNE - timedelta(hours=1), renewal_price=Decimal(300))
        cheap = {**plan, "renewal_price": Decimal(20), "billing_period": 30}
        b.subscribe(cheap, start, 4, status="expired")
        b.subscribe(plan, JUNE + timedelta(days=9), 1)
    twice = b.plan("50", 90)
    b.tell_version(twice, valid_to=JUNE, renewal_price=Decimal(10), billing_period_days=30)
    b.tell_version(twice, valid_from=FIRST_DAY + timedelta(days=50), valid_to=JUNE)
    b.subscribe({**twice, "renewal_price": Decimal(10), "billing_period": 30}, start, 5)
    gone = {**b.plan("30"), "id": b.new_id("plan")}  # a plan that no list has
    b.tell_version(gone)
    b.subscribe(gone, start, 3)


def prorated_upgrades(b: Business) -> None:
    """The difference paid, or nothing; to the same length, and to another."""
    small, big = b.plan("20"), b.plan("50")
    year, bigger_year = b.plan("240", 365), b.plan("480", 365)
    euro, big_euro = b.plan("20", currency="eur"), b.plan("70", currency="eur")
    for plan, target, share in (
        *((small, big, "0.5"), (big, small, "0"), (small, year, "0.8"), (year, small, "0")),
        *((year, bigger_year, "0.25"), (bigger_year, year, "0"), (euro, big_euro, "0.5")),
    ):
        days = plan["billing_period"]
        start = b.moment(100 if days < 100 else 60)
        membership, payments = b.subscribe(plan, start, 2 if days < 100 else 1)
        membership["status"] = b.random.choice(("active", "expired", "canceled"))
        at = payments[-1]["paid_at"] + timedelta(days=days * b.random.uniform(0.1, 0.9))
        amount = (target["renewal_price"] * Decimal(share)).quantize(Decimal("0.01"))
        update: dict[str, Any] = {"billing_reason": "subscription_update"}
        b.pay(membership, target, at, amount, **update)
        if share != "0" and b.random.random() < 0.5:  # and on from where the old period ended
            end = payments[-1]["paid_at"] + timedelta(days=days)
            b.pay(membership, target, end)
        if b.random.random() < 0.3:
            b.pay(membership, target, at + timedelta(hours=3), Decimal(1), **update)
    # A change that comes when the period before is over cuts into nothing.
    membership, payments = b.subscribe(small, b.moment(100), 1, status="expired")
    b.pay(
        membership,
        big,
        payments[0]["paid_at"] + timedelta(days=33),
        billing_reason="subscription_update",
    )


def lifetime_after_monthly(b: Business) -> None:
    """On the same membership: while it runs, in its grace, after it; and instalments of it."""
    monthly, ever = b.plan("29"), b.plan("299", None)
    parts = b.plan("100", 30, split_pay_required_payments=3)
    for plan, after, status in (
        *((ever, 0, "active"), (ever, 12, "active"), (ever, 30, "completed")),
        *((ever, 35, "canceled"), (ever, 44, "expired"), (ever, 45, "expired")),
        *((ever, 60, "active"), (parts, 12, "active")),
    ):
        membership, payments = b.subscribe(monthly, b.moment(150), 3, status=status)
        last = payments[-1]["paid_at"]
        if status == "canceled":
            membership["canceled_at"] = last + timedelta(days=2)
        b.pay(membership, plan, last + timedelta(days=after), billing_reason="one_time")
    # Bought, and the monthly one goes on all the same.
    membership, payments = b.subscribe(monthly, b.moment(150), 3)
    b.pay(membership, ever, payments[1]["paid_at"] + timedelta(days=1), billing_reason="one_time")
    membership, payments = b.subscribe(monthly, b.moment(150), 1)  # free of charge
    b.pay(membership, ever, payments[0]["paid_at"] + timedelta(days=9), Decimal(0))
    # Within the grace, but refunded in full before.
    membership, payments = b.subscribe(monthly, b.moment(150), 2, status="expired")
    b.refund(payments[1], payments[1]["paid_at"] + timedelta(days=4))
    b.pay(membership, ever, payments[1]["paid_at"] + timedelta(days=20))


def instalments(b: Business) -> None:
    """Running, paid off, given up, in euro; and a payment that failed."""
    course = b.plan("100", 30, split_pay_required_payments=3)
    for status, cycles in (("active", 2), ("completed", 3), ("canceled", 1)):
        membership, payments = b.subscribe(course, b.moment(200), cycles, status=status)
        if status == "canceled":
            b.pay(
                membership,
                course,
                None,
                created_at=payments[-1]["paid_at"] + timedelta(days=30),
                status="uncollectible",
            )
    euro = b.plan("70", 90, currency="eur", split_pay_required_payments=2)
    _, payments = b.subscribe(euro, b.moment(100), 2)
    b.refund(payments[0], payments[0]["paid_at"] + timedelta(days=5), "0.5")


def paid_trials(b: Business) -> None:
    """A fee, nothing, the whole price, and more than it; with a code; on plans without a trial."""
    plan = b.plan("49", initial_price=Decimal(1), trial_period_days=7)
    euro = b.plan("49", 365, initial_price=Decimal(5), trial_period_days=7, currency="eur")
    without = b.plan("49")
    forever = b.promo_code("TRIAL", duration="forever", amount_off=Decimal(50))
    everything = b.promo_code("GIFT", duration="forever", amount_off=Decimal(100))
    for of, amount, code in (
        *((plan, "1", None), (plan, "0", None), (plan, "49", None), (plan, "60", None)),
        *((plan, "24.50", forever), (plan, "1", forever), (plan, "0", everything)),
        *((euro, "5", None), (euro, "0", None), (without, "0", None), (without, "9", None)),
        (without, "0", everything),
    ):
        for converts in (True, False):
            start = b.moment(250)
            status = "active" if converts else "canceled"
            membership = b.membership(of, start, status=status)
            create: dict[str, Any] = {"billing_reason": "subscription_create"}
            if code:
                create["promo_code__id"] = code["id"]
            b.pay(membership, of, start, Decimal(amount), **create)
            if converts:
                b.pay(membership, of, start + timedelta(days=7))
                again = start + timedelta(days=7 + of["billing_period"])
                if again < b.synced_at:
                    b.pay(membership, of, again)
            else:
                membership["canceled_at"] = start + timedelta(days=3)


def days_by_hand(b: Business) -> None:
    """An end later than what was paid for: of the last period, and as states once showed it."""
    plan = b.plan("28")
    for days in (-5, 0, 6, 15, 29, 300):
        for status in ("active", "canceled", "expired", "canceling"):
            membership, payments = b.subscribe(plan, b.moment(200), 2, status=status)
            last: datetime = payments[-1]["paid_at"]
            membership["renewal_period_end"] = last + timedelta(days=30 + days)
            if status == "canceled":
                membership["canceled_at"] = last + timedelta(days=b.random.uniform(0, 50))
    for shown, seen in ((20, 5), (50, 5), (400, 5), (20, -5), (20, 60)):
        membership, payments = b.subscribe(plan, b.moment(120), 4, delays={2: 40})
        first = payments[1]["paid_at"]
        b.add(
            "membership_states",
            {
                **{k: v for k, v in membership.items() if k not in ("_dlt_id", "_dlt_load_id")},
                "renewal_period_end": first + timedelta(days=30 + shown),
                "_whop_synced_at": first + timedelta(days=seen),
            },
        )


SCENARIOS = (
    *(plan_edits, plans_told_by_hand, prorated_upgrades, lifetime_after_monthly, instalments),
    *(paid_trials, days_by_hand),
)
