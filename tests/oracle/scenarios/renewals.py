"""Renewals on time, late, early, at the edge of a day: when a period begins and ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from oracle.business import CANCEL_OPTIONS, ODD_PERIODS, PERIODS, ZONES, Business


def late_retry(b: Business) -> None:
    """Renewals late by less than the grace, by exactly the grace, and by more."""
    plan = b.plan(b.price(), 30)
    for delay in (0.5, 9, 13.9, 14, 14.0001, 15, 20, 44.5):
        b.subscribe(plan, b.moment(150), cycles=4, delays={2: delay}, status="expired")


def two_memberships(b: Business) -> None:
    """A member with two memberships at once, and one that upgrades by a new membership."""
    small, big = b.plan("30"), b.plan("60")
    member = b.member()
    start = b.moment(200)
    b.subscribe(small, start, 4, member, status="canceled", canceled_at=start)
    b.subscribe(big, start + timedelta(days=40), 2, member, status="expired")
    upgrader = b.member()
    first = datetime(2024, 1, 10, 12, tzinfo=UTC)
    b.subscribe(small, first, 2, upgrader, status="expired")
    b.subscribe(big, datetime(2024, 3, 8, 12, tzinfo=UTC), 1, upgrader, status="expired")
    same_end = b.member()  # both end on one day, at one moment: ties of the churn type
    for plan, status in ((small, "canceled"), (big, "expired"), (small, "expired")):
        canceled_at = start if status == "canceled" else None
        b.subscribe(plan, start, 2, same_end, status=status, canceled_at=canceled_at)
    for _ in range(3):  # the same price as well: ids decide; three, so that no two cancel out
        twin = b.member()
        for canceled_at in (None, start):
            b.subscribe(small, start, 2, twin, status="expired", canceled_at=canceled_at)


def plan_change(b: Business) -> None:
    """One membership that moves to another plan before its period is over."""
    small, big = b.plan("19.5"), b.plan("49", 90)
    membership, payments = b.subscribe(small, b.moment(150), 3, status="expired")
    at = payments[-1]["paid_at"] + timedelta(days=11)
    b.pay(membership, big, at, billing_reason="subscription_update")


def periods(b: Business) -> None:
    """Every length of period, the odd ones too."""
    for days in (*PERIODS, *ODD_PERIODS):
        b.subscribe(b.plan(b.price(), days), cycles=2 if days < 100 else 1, status="expired")


def reactivation(b: Business) -> None:
    """Back after months: in the same membership, and in a new one."""
    plan = b.plan("40")
    start = b.moment(60)
    b.subscribe(plan, start, 5, delays={2: 100}, status="expired")
    member = b.member()
    b.subscribe(plan, start, 2, member, status="canceled", canceled_at=start)
    b.subscribe(plan, start + timedelta(days=170), 2, member, status="active")
    # The gap has a failed payment of its own, and the membership is canceled long after.
    membership, payments = b.subscribe(plan, start, 4, delays={2: 90}, status="canceled")
    membership["canceled_at"] = payments[-1]["paid_at"] + timedelta(days=4)
    gap = payments[1]["paid_at"] + timedelta(days=30)
    b.pay(membership, plan, None, created_at=gap, status="uncollectible")


def cancellations(b: Business) -> None:
    """Canceling with an end of its own, canceled, un-canceled, and canceled without a reason."""
    plan = b.plan("45")
    start = b.synced_at - timedelta(days=40)
    soon, late = b.synced_at + timedelta(days=6), b.synced_at + timedelta(days=33)
    for end in (None, soon, late, start):
        b.subscribe(plan, start, 2, status="canceling", canceled_at=start, renewal_period_end=end)
    overdue = start - timedelta(days=90)  # nobody told Whop that this one is over
    b.subscribe(
        plan,
        overdue,
        1,
        status="canceling",
        canceled_at=overdue,
        renewal_period_end=overdue + timedelta(days=37),
    )
    for option in CANCEL_OPTIONS:
        membership, payments = b.subscribe(plan, status="canceled", cancel_option=option)
        membership["canceled_at"] = payments[-1]["paid_at"] + timedelta(days=1)


def edges_of_months(b: Business) -> None:
    """Payments on the last millisecond of a month and the first of the next, in many zones."""
    plan = b.plan("31")
    for name in ZONES:
        zone = ZoneInfo(name)
        for day in (date(2024, 3, 1), date(2024, 4, 1), date(2024, 11, 1), date(2024, 12, 1)):
            first = datetime(day.year, day.month, 1, tzinfo=zone).astimezone(UTC)
            for moment in (first - timedelta(milliseconds=1), first):
                _, payments = b.subscribe(plan, moment, 2, status="expired")
                b.trouble(payments[0])
    newyork = ZoneInfo("America/New_York")
    for day in (date(2024, 3, 10), date(2024, 11, 3)):  # 23 and 25 hours long
        for hour in (0, 1, 23):
            moment = datetime(day.year, day.month, day.day, hour, 30, tzinfo=newyork)
            b.subscribe(plan, moment.astimezone(UTC), 2, status="expired")


def ties(b: Business) -> None:
    """Two payments of a membership at the same moment."""
    small, big = b.plan("10"), b.plan("70", 90)
    for _ in range(3):
        membership, payments = b.subscribe(small, b.moment(150), 2, status="expired")
        b.pay(membership, big, payments[-1]["paid_at"])


def short_days(b: Business) -> None:
    """Things that begin and end on one day."""
    plan, daily = b.plan("22"), b.plan("2", 1)
    member = b.member()
    start = b.moment(200).replace(hour=6)
    b.subscribe(plan, start, 1, member, status="canceled", canceled_at=start)
    end = start + timedelta(days=30)
    _, payments = b.subscribe(plan, end + timedelta(hours=1), 1, member, status="expired")
    b.refund(payments[0], end + timedelta(hours=2))
    b.subscribe(daily, cycles=9, status="expired")


def as_of_edge(b: Business) -> None:
    """Periods that begin and end on the very day of the last sync."""
    plan = b.plan("24")
    for hours in (-3, -0.001, 0, 3):
        start = b.synced_at - timedelta(days=30) + timedelta(hours=hours)
        b.subscribe(plan, start, 1, status="expired")
    for hours in (3, 0.0001, 0):
        b.subscribe(plan, b.synced_at - timedelta(hours=hours), 1)


SCENARIOS = (
    *(late_retry, two_memberships, plan_change, periods, reactivation, cancellations),
    *(edges_of_months, ties, short_days, as_of_edge),
)
