"""Rows that are missing, deleted, without what they refer to; and anything after anything."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from oracle.business import (
    CANCEL_OPTIONS,
    CENT,
    ENDED,
    ODD_PERIODS,
    OTHER_STATUSES,
    PERIODS,
    RUNNING,
    Business,
)


def holes(b: Business) -> None:
    """A plan that is not there, a payment without its plan, a deleted user, a member unknown."""
    gone = {**b.plan("30"), "id": b.new_id("plan")}  # this id is in no row of plans
    b.subscribe(gone, cycles=2)
    plan = b.plan("30")
    _, payments = b.subscribe(plan, cycles=3, status="expired")
    payments[1]["plan__id"] = None
    ghost = b.member(user__id=None, user__email=None)
    b.subscribe(plan, cycles=2, member=ghost, status="expired")
    nobody, payments = b.subscribe(plan, cycles=2, status="expired")
    nobody["member__id"] = None
    for payment in payments:
        payment["member__id"] = None
    b.pay(nobody, plan, None, status="draft", created_at=b.moment(), amount=Decimal(0), total=None)
    given, payments = b.subscribe(plan, cycles=4, status="expired")  # handed on to someone else
    heir = b.member()
    given["member__id"] = heir["id"]
    for payment in payments[2:]:
        payment["member__id"] = heir["id"]
    orphan, _ = b.subscribe(plan, cycles=2)
    b.tables["memberships"].remove(orphan)


def deleted_rows(b: Business) -> None:
    """Rows that Whop no longer lists, of every table that a number depends on."""
    plan = b.plan("33")
    when = b.synced_at - timedelta(days=1)
    _, payments = b.subscribe(plan, b.moment(100), 4)
    payments[2]["_whop_deleted_at"] = when
    for _ in range(2):
        membership, _ = b.subscribe(plan, b.moment(100), 2)
        membership["_whop_deleted_at"] = when
    archived = b.plan("17", _whop_deleted_at=when)
    b.subscribe(archived, b.moment(100), 3)
    once = b.plan("12", None)
    b.pay(None, once, b.moment(), _whop_deleted_at=when)
    b.member(_whop_deleted_at=when)
    retired = b.product()
    retired["_whop_deleted_at"] = when
    b.subscribe(b.plan("21", product__id=retired["id"]), b.moment(100), 2)
    forgotten = b.plan("23", product__id=b.new_id("prod"))  # gone before the first sync
    b.subscribe(forgotten, b.moment(100), 2)


def trials(b: Business) -> None:
    """Trials that convert, that do not, and that are still on."""
    plan = b.plan("25", trial_period_days=7)
    start = b.moment(250)
    membership, _ = b.subscribe(plan, start + timedelta(days=7), 3)
    membership["created_at"] = start
    free: dict[str, Any] = {"billing_reason": "subscription_create", "amount": Decimal(0)}
    b.pay(membership, plan, start, **free)
    lost = b.membership(plan, start, status="canceled", canceled_at=start + timedelta(days=5))
    b.pay(lost, plan, start, **free)
    b.membership(plan, b.synced_at - timedelta(days=2), status="trialing")


def chaos(b: Business) -> None:
    """Anything after anything: what no scenario has thought of."""
    pick, chance = b.random.choice, b.random.random
    plans = [b.plan(b.price(), pick((*PERIODS, *ODD_PERIODS))) for _ in range(3)]
    plans += [b.plan(b.price(), 30), b.plan(b.price(), 30, currency="eur"), b.plan("9", None)]
    members = [b.member() for _ in range(4)]
    for _ in range(8):
        start = b.moment(250)
        membership = b.membership(
            pick(plans),
            start,
            pick(members),
            status=pick((*RUNNING, *ENDED, "canceling", *ENDED)),
            canceled_at=pick((None, None, start + timedelta(days=b.random.uniform(0, 200)))),
            cancel_option=pick(CANCEL_OPTIONS),
            renewal_period_end=pick((None, start + timedelta(days=b.random.uniform(0, 400)))),
        )
        for _ in range(b.random.randint(1, 7)):
            # Whole days as often as not, so that things meet.
            after = b.random.uniform(0, 150) if chance() < 0.5 else b.random.randrange(0, 150, 10)
            at = min(start + timedelta(days=after), b.synced_at)
            plan = membership["plan__id"]
            plan = next(p for p in plans if p["id"] == plan) if chance() < 0.7 else pick(plans)
            if chance() < 0.2:
                b.pay(membership, plan, None, created_at=at, status=pick(OTHER_STATUSES))
                continue
            reason = pick(("subscription_create", "subscription_cycle", "subscription_update"))
            amount = plan["renewal_price"] * pick((1, 1, 1, 2, Decimal("0.5")))
            payment = b.pay(membership, plan, at, amount.quantize(CENT), billing_reason=reason)
            if chance() < 0.5:
                payment["member__id"] = pick((None, pick(members)["id"]))
            if chance() < 0.1:
                payment["status"] = pick(OTHER_STATUSES)
            b.trouble(payment)


SCENARIOS = (holes, deleted_rows, trials, chaos)
