"""Seeded businesses as raw rows, built to hit every rule of the metric definitions.

Each business is a company of its own, so many of them fit into one dataset and one dbt run.
`situations` looks at the rows, not at what the generator meant to do, and counts what is there.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from oracle.oracle import Company, Dataset, Row, Settings

FIRST_DAY = datetime(2024, 1, 3, 9, tzinfo=UTC)
LAST_SYNC = datetime(2025, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)
ZONES = ("UTC", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe")

USD_PER = {
    "usd": Decimal(1),
    "eur": Decimal("1.0837"),
    "jpy": Decimal("0.0066"),
    "btc": Decimal("64321.5"),
}
CENT = Decimal("0.01")
SMALLEST = Decimal("0.000000001")
"""What a raw decimal column can hold."""
PERIODS = (7, 14, 28, 30, 31, 90, 92, 180, 184, 365, 366, 730)
ODD_PERIODS = (1, 10, 27, 45, 60, 88, 179, 400)
RUNNING = ("active", "past_due", "unresolved", "trialing")
ENDED = ("canceled", "expired", "completed", "drafted", "a_status_nobody_knows")
OTHER_STATUSES = ("draft", "open", "pending", "uncollectible", "unresolved", "void")
CANCEL_OPTIONS = ("too_expensive", "switching", "testing", "other", None)


class Business:
    """One company being made up; everything random comes from its seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.company_id = f"biz_{seed:04}"
        self.tables: dict[str, list[Row]] = defaultdict(list)
        # Each company was synced at its own time: as_of is the company's own.
        self.synced_at = LAST_SYNC + timedelta(minutes=97 * (seed % 37))
        self.count = 0
        self.add("companies", {"id": self.company_id, "title": f"Business {seed}"})

    # ------------------------------------------------------------------ rows

    def add(self, table: str, row: Row) -> Row:
        stamped = {
            "company_id": self.company_id,
            "_whop_synced_at": self.synced_at,
            "_dlt_load_id": "1700000000.0",
            "_dlt_id": uuid.UUID(int=self.random.getrandbits(128)).hex[:14],
            **row,
        }
        self.tables[table].append(stamped)
        return stamped

    def new_id(self, kind: str) -> str:
        """An id whose order is not the order of creation, as Whop's are."""
        self.count += 1
        return f"{kind}_{self.random.randrange(16**5):05x}{self.count:04}{self.company_id[4:]}"

    def product(self) -> Row:
        return self.add(
            "products",
            {"id": self.new_id("prod"), "title": f"Product {self.count}", "created_at": FIRST_DAY},
        )

    def plan(self, price: str | Decimal, days: int | None = 30, **changes: Any) -> Row:
        products = self.tables["products"] or [self.product()]
        return self.add(
            "plans",
            {
                "id": self.new_id("plan"),
                "plan_type": "renewal" if days else "one_time",
                "billing_period": days,
                "renewal_price": Decimal(price),
                "initial_price": Decimal(0),
                "currency": "usd",
                "product__id": self.random.choice(products)["id"],
                "created_at": FIRST_DAY,
                **changes,
            },
        )

    def promo_code(self, code: str, **changes: Any) -> Row:
        return self.add(
            "promo_codes",
            {
                "id": self.new_id("promo"),
                "code": code,
                "promo_type": "percentage",
                "amount_off": Decimal(10),
                "duration": "once",
                **changes,
            },
        )

    def member(self, **changes: Any) -> Row:
        number = self.new_id("mber")
        return self.add(
            "members",
            {
                "id": number,
                "user__id": f"user_{number}",
                "user__email": f"{number}@example.com",
                "status": "joined",
                "access_level": "customer",
                "created_at": FIRST_DAY,
                "joined_at": FIRST_DAY,
                **changes,
            },
        )

    def membership(self, plan: Row, start: datetime, member: Row | None = None, **row: Any) -> Row:
        member = member or self.member()
        return self.add(
            "memberships",
            {
                "id": self.new_id("mem"),
                "plan__id": plan["id"],
                "product__id": plan.get("product__id"),
                "member__id": member["id"],
                "user__id": member.get("user__id"),
                "status": "active",
                "currency": plan.get("currency"),
                "created_at": start,
                "joined_at": start,
                **row,
            },
        )

    def pay(
        self,
        membership: Row | None,
        plan: Row,
        paid_at: datetime | None,
        amount: Decimal | None = None,
        **changes: Any,
    ) -> Row:
        currency = plan.get("currency") or "usd"
        amount = plan["renewal_price"] if amount is None else amount
        tax = changes.pop("tax_amount", None)
        total = amount + (tax or 0)
        usd_total = (total * USD_PER[currency]).quantize(CENT)
        smallest = SMALLEST if currency == "btc" else CENT
        created_at = changes.pop("created_at", None)
        if created_at is None and paid_at:
            created_at = paid_at - timedelta(seconds=self.random.choice((0, 0, 1, 40)))
        membership = membership or {}
        return self.add(
            "payments",
            {
                "id": self.new_id("pay"),
                "status": "paid" if paid_at else "open",
                "substatus": "succeeded" if paid_at else "past_due",
                "currency": currency,
                "settlement_currency": self.random.choice(("usd", "usd", "usd", currency)),
                "billing_reason": "subscription_cycle",
                "total": total,
                "subtotal": amount,
                "tax_amount": tax,
                "usd_total": self.random.choice((usd_total, None))
                if currency == "usd"
                else usd_total,
                "amount_after_fees": (total * Decimal("0.971")).quantize(smallest),
                "payments_failed": self.random.choice((0, 0, 0, None)),
                "membership__id": membership.get("id"),
                "member__id": membership.get("member__id"),
                "user__id": membership.get("user__id"),
                "plan__id": plan["id"],
                "product__id": plan.get("product__id"),
                "created_at": created_at,
                "paid_at": paid_at,
                **changes,
            },
        )

    def moment(self, latest_days: int = 330) -> datetime:
        """A moment of the first `latest_days` days, to the millisecond."""
        return FIRST_DAY + timedelta(
            days=self.random.randrange(latest_days),
            milliseconds=self.random.randrange(86_400_000),
        )

    def subscribe(
        self,
        plan: Row,
        start: datetime | None = None,
        cycles: int | None = None,
        member: Row | None = None,
        delays: dict[int, float] | None = None,
        **row: Any,
    ) -> tuple[Row, list[Row]]:
        """A membership that pays on time, but for the cycles whose delay (in days) is given."""
        start = start or self.moment()
        days = plan["billing_period"]
        most = max(1, min((self.synced_at - start).days // days, 9))
        cycles = cycles or self.random.randint(1, most)
        membership = self.membership(plan, start, member, **row)
        paid_at, payments = start, []
        for cycle in range(cycles):
            delay = timedelta(days=(delays or {}).get(cycle, 0))
            if paid_at + delay > self.synced_at:
                break
            payments.append(
                self.pay(
                    membership,
                    plan,
                    paid_at + delay,
                    created_at=paid_at if delay else None,
                    payments_failed=self.random.randint(1, 4) if delay else 0,
                    billing_reason="subscription_cycle" if cycle else "subscription_create",
                )
            )
            paid_at += delay + timedelta(days=days)
        return membership, payments

    def refund(self, payment: Row, at: datetime | None, share: str = "1", **changes: Any) -> None:
        amount = (payment["total"] * Decimal(share)).quantize(SMALLEST)
        payment |= {
            "refunded_amount": amount,
            "refunded_at": at,
            "substatus": "refunded" if amount >= payment["total"] else "partially_refunded",
            **changes,
        }

    # ------------------------------------------------------------------ a whole business

    def everyday(self, members: int) -> None:
        """Ordinary subscriptions with ordinary trouble."""
        plans = [self.plan(self.price(), self.random.choice(PERIODS)) for _ in range(3)]
        plans += [self.plan(self.price(), 30), self.plan(self.price(), 30)]
        for _ in range(members):
            plan = self.random.choice(plans)
            membership, payments = self.subscribe(
                plan, delays={self.random.randint(1, 5): self.random.uniform(0, 30)}
            )
            self.end_somehow(membership, payments[-1], plan)
            for payment in payments:
                self.trouble(payment)

    def price(self) -> Decimal:
        return self.random.choice(
            (Decimal(30), Decimal("29.99"), Decimal(self.random.randrange(100, 50000)) / 100)
        )

    def end_somehow(self, membership: Row, last: Row, plan: Row) -> None:
        """A status for a membership, and a failed renewal for some of those that ended."""
        natural_end = last["paid_at"] + timedelta(days=plan["billing_period"])
        late = natural_end < self.synced_at - timedelta(days=20)
        status = self.random.choice(ENDED if late else (*RUNNING, *ENDED, "canceling"))
        membership["status"] = status
        if status in ("canceled", "canceling") or self.random.random() < 0.2:
            membership["canceled_at"] = last["paid_at"] + timedelta(hours=7)
            membership["cancel_option"] = self.random.choice(CANCEL_OPTIONS)
        if late and self.random.random() < 0.4:
            failed = self.random.choice(("open", "uncollectible", "void", "unresolved"))
            self.pay(membership, plan, None, created_at=natural_end, status=failed)

    def trouble(self, payment: Row) -> None:
        """Some of what happens to a payment, to some payments."""
        chance = self.random.random
        if chance() < 0.25:
            tax = (payment["total"] / 6).quantize(CENT)
            payment["tax_amount"] = tax
        if chance() < 0.1:
            after = timedelta(days=self.random.uniform(0, 50))
            at = min(payment["paid_at"] + after, self.synced_at)
            self.refund(payment, at, self.random.choice(("1", "0.5", "0.1")))
        if chance() < 0.05 and payment["currency"] == "usd":  # sold in dollars at another rate
            payment["usd_total"] = (payment["total"] * Decimal("0.93")).quantize(CENT)
        if chance() < 0.05:
            payment["amount_after_fees"] = None
        if chance() < 0.05:
            payment["member__id"] = None
        if chance() < 0.04:
            payment["substatus"] = self.random.choice(("dispute_lost", "dispute_won"))
        if chance() < 0.04:
            payment["dispute_alerted_at"] = payment["paid_at"] + timedelta(days=3)

    def history(self) -> None:
        """States of every membership as syncs saw them, ending in the present one."""
        for membership in self.tables["memberships"]:
            stamps = ("_dlt_id", "_dlt_load_id", "_whop_deleted_at")
            present = {k: v for k, v in membership.items() if k not in stamps}
            seen = membership["created_at"]
            states = [{**present, "status": "active", "canceled_at": None, "cancel_option": None}]
            if self.random.random() < 0.5:
                states.append({**states[0], "status": "past_due"})
            if self.random.random() < 0.3:  # canceled and un-canceled
                states.append({**states[0], "status": "canceling", "canceled_at": seen})
                states.append(dict(states[0]))
            states.append(present)
            deleted_at = membership.get("_whop_deleted_at")
            if deleted_at and self.random.random() < 0.5:
                states.append({**present, "_whop_deleted_at": deleted_at})
            for index, state in enumerate(states):
                seen = min(seen + timedelta(days=self.random.uniform(1, 40)), self.synced_at)
                seen += timedelta(milliseconds=index)
                if index < len(states) - 1:  # Whop's word for it: in time, much too late, or none
                    late = self.random.choice((-0.4, -3, -60, 2, None))
                    state["updated_at"] = seen + timedelta(days=late) if late else None
                copies = self.random.choice((1, 1, 1, 2))
                for copy in range(copies):  # a replay after a crash
                    self.add(
                        "membership_states",
                        {**state, "_whop_synced_at": seen + timedelta(microseconds=copy * 400)},
                    )

    def list_refunds_and_disputes(self) -> None:
        """What the tables of refunds and disputes say of the payments: more, less, or otherwise."""
        dice = random.Random(f"lists of {self.company_id}")
        for payment in self.tables["payments"]:
            paid_at, refunded_at = payment["paid_at"], payment.get("refunded_at")
            amount = payment.get("refunded_amount") or Decimal(0)
            first = paid_at or refunded_at or payment["created_at"] or self.synced_at

            def add(
                share: Decimal,
                at: datetime | None,
                payment: Row = payment,
                **changes: Any,
            ) -> None:
                self.add(
                    "refunds",
                    {
                        "id": self.new_id("rfnd"),
                        "payment__id": payment["id"],
                        "amount": share.quantize(SMALLEST),
                        "currency": payment["currency"],
                        "status": "succeeded",
                        "created_at": at,
                        **changes,
                    },
                )

            def moment(first: datetime = first, last: datetime | None = refunded_at) -> datetime:
                """Between the payment and its last refund, or some time after."""
                last = last or min(first + timedelta(days=40), self.synced_at)
                return first + (last - first) * dice.random()

            if amount:
                way = dice.choice(("one", "parts", "parts", "parts", "first", "none", "more"))
                if way in ("one", "more"):
                    add(amount, dice.choice((refunded_at, refunded_at, None)))
                if way == "more":  # the payment was read before its last refund
                    add(amount / 4, moment())
                if way in ("parts", "first"):
                    shares = dice.choice((("0.25",), ("0.1", "0.3"), ("0.5", "0.2", "0.1")))
                    for share in shares:
                        add((amount * Decimal(share)), moment())
                    if way == "parts":  # the last one takes what the others have left
                        left = amount * (1 - sum(map(Decimal, shares)))
                        rounded = sum((amount * Decimal(s)).quantize(SMALLEST) for s in shares)
                        add(amount - rounded if left else left, refunded_at)
            elif payment["total"] and dice.random() < 0.03:  # the payment does not know of it yet
                add(payment["total"] * dice.choice((Decimal(1), Decimal("0.4"))), moment())
            if payment["total"] and dice.random() < 0.05:
                add(
                    payment["total"],
                    moment(),
                    status=dice.choice(("pending", "failed", "canceled")),
                )
            if payment["total"] and dice.random() < 0.02:
                add(payment["total"], moment(), currency="gbp")
            if payment["total"] and dice.random() < 0.02:
                add(payment["total"], moment(), _whop_deleted_at=self.synced_at)

            said = payment.get("dispute_alerted_at") or "dispute" in (payment["substatus"] or "")
            if dice.random() < (0.6 if said else 0.03):
                for _ in range(dice.choice((1, 1, 2))):
                    self.add(
                        "disputes",
                        {
                            "id": self.new_id("dspt"),
                            "payment__id": payment["id"],
                            "status": dice.choice(("needs_response", "won", "lost")),
                            "created_at": dice.choice((moment(), moment(), None)),
                        },
                    )

    def finish(self) -> dict[str, list[Row]]:
        self.list_refunds_and_disputes()
        self.history()
        self.promo_code("NOBODY")
        self.sync_run("payments", "ok", 1)
        if self.random.random() < 0.5:
            self.sync_run("payments", self.random.choice(("ok", "failed", "forbidden")), 0)
            self.sync_run("apps", self.random.choice(("ok", "failed", "forbidden")), 1)
            self.sync_run("apps", self.random.choice(("failed", "forbidden")), 0)
        return self.tables

    def sync_run(self, table: str, status: str, number_from_last: int) -> None:
        ended = self.synced_at - timedelta(hours=number_from_last)
        self.tables["sync_runs"].append(
            {
                "run_id": f"run_{self.company_id}_{number_from_last}",
                "company_id": self.company_id,
                "table_name": table,
                "mode": "full",
                "status": status,
                "started_at": ended - timedelta(minutes=1),
                "finished_at": ended,
                "rows_read": len(self.tables[table]),
            }
        )


# ---------------------------------------------------------------------- scenarios, one per rule


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


def periods(b: Business) -> None:
    """Every length of period, the odd ones too."""
    for days in (*PERIODS, *ODD_PERIODS):
        b.subscribe(b.plan(b.price(), days), cycles=2 if days < 100 else 1, status="expired")


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


SCENARIOS: tuple[Callable[[Business], None], ...] = (
    late_retry,
    two_memberships,
    plan_change,
    setup_fee,
    periods,
    trials,
    refunds,
    reactivation,
    failures,
    disputes,
    free_and_one_time,
    currencies,
    holes,
    cancellations,
    edges_of_months,
    deleted_rows,
    ties,
    short_days,
    as_of_edge,
    promo_codes,
    chaos,
)


def business(seed: int) -> dict[str, list[Row]]:
    """The raw rows of one business: small odd ones first, then everything at random."""
    made = Business(seed)
    if seed == 0:  # nothing was ever sold
        return made.finish()
    if seed == 1:  # one payment, ever
        made.subscribe(made.plan("30"), datetime(2024, 5, 17, 3, tzinfo=UTC), 1)
        return made.finish()
    if seed == 2:  # a year without any movement
        made.subscribe(made.plan("365", 365), FIRST_DAY, 2)
        return made.finish()
    if seed == 3:  # one-time sales only: no movement, but money
        free_and_one_time(made)
        return made.finish()
    if seed < 4 + len(SCENARIOS):  # each rule alone, so that a difference points at it
        SCENARIOS[seed - 4](made)
        return made.finish()
    for _ in range(made.random.randint(1, 2)):
        made.product()
    chaos(made)
    for scenario in made.random.sample(SCENARIOS, made.random.randint(2, 4)):
        scenario(made)
    made.everyday(made.random.randint(5, 12))
    return made.finish()


def businesses(seeds: range) -> dict[str, list[Row]]:
    """Many businesses in one dataset."""
    tables: dict[str, list[Row]] = defaultdict(list)
    for seed in seeds:
        for table, rows in business(seed).items():
            tables[table] += rows
    return dict(tables)


# ---------------------------------------------------------------------- what is really there


def situations(dataset: Dataset) -> Counter[str]:
    """How often each situation the definitions speak of occurs in a dataset."""
    found: Counter[str] = Counter()
    by_company: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for table, rows in dataset.items():
        for row in rows:
            by_company[row["company_id"]][table].append(row)
    found["companies in one dataset"] = len(by_company)
    for company_id, tables in by_company.items():
        found += situations_of(Company(company_id, tables, Settings(include_deleted=True)))
    return found


def situations_of(company: Company) -> Counter[str]:
    found: Counter[str] = Counter()
    payments = company.payments
    found["account without payments"] += not payments
    found["account with one payment"] += len(payments) == 1
    found["account with payments but no movement"] += bool(payments) and not company.movements
    months = company.mrr_months()
    moved = {move.day.replace(day=1) for move in company.movements}
    found["month without movement"] += len(set(months) - moved)

    for payment in payments:
        row = payment.row
        found[f"currency {row['currency']}"] += 1
        found["usd_total unknown in another currency"] += payment.billed is None
        found["fee unknown"] += payment.paid is not None and payment.fees is None
        found["tax"] += bool(row.get("tax_amount"))
        found["payment without plan"] += row.get("plan__id") is None
        plan = company.plans.get(row.get("plan__id") or "")
        found["plan row missing"] += row.get("plan__id") is not None and plan is None
        found["payment without membership"] += row.get("membership__id") is None
        found["membership row missing"] += (row.get("membership__id") or "") not in (
            "",
            *company.memberships,
        )
        found["payment without member"] += row.get("member__id") is None
        found["zero amount"] += row["total"] == 0
        found["total unknown"] += row["total"] is None
        found["one-time plan"] += bool(plan) and (plan or {}).get("plan_type") == "one_time"
        found["payment deleted at Whop"] += row.get("_whop_deleted_at") is not None
        listed = company.listed_refunds[row["id"]]
        statuses = {refund["status"] for refund in listed}
        carried_out = [r for r in listed if r["status"] == "succeeded"]
        said = row.get("refunded_amount") or 0
        found["refunded several times"] += len(payment.refunds) > 1
        found["refunded several times in several months"] += (
            len({r.day.replace(day=1) for r in payment.refunds if r.day}) > 1
        )
        found["refund that is not listed"] += bool(payment.refunds) and not listed
        found["refund not listed beside one that is"] += 0 < len(carried_out) < len(payment.refunds)
        found["more refunds listed than the payment says"] += (
            sum(refund.amount for refund in payment.refunds) > said
        )
        found["refund that was not carried out"] += bool(statuses - {"succeeded"})
        found["refund in another currency"] += any(r["currency"] != row["currency"] for r in listed)
        found["refund listed of what was never paid"] += bool(carried_out) and not payment.refunds
        found["refund listed without a time"] += any(r["created_at"] is None for r in carried_out)
        disputes = company.listed_disputes[row["id"]]
        alone = {**row, "id": "", "substatus": row.get("substatus")}
        found["dispute that only the list shows"] += (
            payment.is_disputed and not company.is_disputed(alone)
        )
        found["dispute listed without a time"] += any(not d["created_at"] for d in disputes)
        found["dispute by substatus"] += (row.get("substatus") or "").startswith("dispute_")
        found["dispute by alert"] += row.get("dispute_alerted_at") is not None
        found["refund of what is no longer paid"] += bool(payment.refund) and not payment.is_paid
        found["refund before its payment"] += (
            payment.refunded is not None
            and payment.paid is not None
            and row.get("refunded_at") is not None
            and row["refunded_at"] < payment.paid_at
        )
        found["refund of a payment without a time"] += (
            payment.paid_at is None and payment.refunded is not None
        )
        found["failed in unknown dollars, never paid"] += (
            payment.has_failed and payment.billed is None and payment.paid is None
        )
        found["failed in unknown dollars, paid since"] += (
            payment.has_failed and payment.billed is None and payment.paid is not None
        )
        found["dispute of what is no longer paid"] += payment.is_disputed and not payment.is_paid
        found["product deleted at Whop"] += (
            company.products.get(payment.product_id or "", {}).get("_whop_deleted_at") is not None
        )
        found["product row missing"] += (payment.product_id or "") not in ("", *company.products)
        found["recovered payment"] += payment.has_failed and payment.is_paid
        found[f"payment {row['status']}"] += 1
        if payment.paid_at:
            for name in ZONES[1:]:
                local = payment.paid_at.astimezone(ZoneInfo(name))
                here = local.date().replace(day=1)
                found[f"month differs between UTC and {name}"] += here != (
                    payment.paid_at.date().replace(day=1)
                )
                tomorrow = (local + timedelta(milliseconds=1)).date()
                found[f"last millisecond of a month in {name}"] += (
                    tomorrow.day == 1 and local.date() != tomorrow
                )

    for membership in company.memberships.values():
        found[f"membership {membership['status']}"] += 1
        found["membership deleted at Whop"] += membership.get("_whop_deleted_at") is not None
        found["plan deleted at Whop"] += (
            company.plans.get(membership["plan__id"], {}).get("_whop_deleted_at") is not None
        )
        found["membership without member"] += membership.get("member__id") is None
        trial = company.is_trial(membership)
        counted = any(p.membership_id == membership["id"] for p in company.periods)
        found["trial converted"] += trial and counted
        found["trial not converted"] += trial and not counted
    found["deleted user"] += sum(not row.get("user__id") for row in company.table("members"))

    for subscription in company.fct_subscriptions():
        membership = company.memberships.get(subscription["membership_id"], {})
        began, in_force = subscription["promo_code_id"], membership.get("promo_code__id")
        found["begun with a code not in force any more"] += began is not None and in_force is None
        found["code in force that it did not begin with"] += in_force is not None and not began
        ended, canceled = subscription["ended_at"], membership.get("canceled_at")
        found["canceled after a run of periods had ended"] += bool(
            ended and canceled and ended < canceled
        )

    by_membership: dict[str, list[Any]] = defaultdict(list)
    for period in company.periods:
        by_membership[period.membership_id].append(period)
        found[f"period of {period.days} days"] += 1
        gross = period.payment.gross or Decimal(0)
        found["set-up fee"] += period.recurring < gross
        row = period.payment.row
        plan = company.plans[row["plan__id"]]
        found["plan price in another currency"] += plan["currency"] != row["currency"]
        found["period across New York's change of clocks"] += (
            company.day(period.start) is not None
            and period.start.astimezone(ZoneInfo("America/New_York")).utcoffset()
            != period.natural_end.astimezone(ZoneInfo("America/New_York")).utcoffset()
        )
        if row.get("refunded_amount"):
            kind = "full" if row["refunded_amount"] >= row["total"] else "partial"
            refunded_at = row.get("refunded_at")
            if refunded_at is None:
                found["refund without a date"] += 1
            else:
                side = "before" if refunded_at < period.natural_end else "after"
                found[f"{kind} refund {side} the end of the period"] += 1
    for membership_id, periods in by_membership.items():
        periods.sort(key=lambda period: (period.start, period.payment.id))
        status = company.memberships.get(membership_id, {}).get("status")
        last = periods[-1].payment.row
        full = (last.get("refunded_amount") or 0) >= last["total"]
        found["last period refunded in full"] += full
        found["running membership refunded in full"] += full and status in RUNNING
        for before, after in pairwise(periods):
            late = after.start - before.natural_end
            found["late retry within grace"] += timedelta(0) < late <= timedelta(days=14)
            found["late by exactly the grace"] += late == timedelta(days=14)
            found["late retry beyond grace"] += late > timedelta(days=14)
            found["back in the same membership after months"] += late > timedelta(days=60)
            found["tie on paid_at"] += after.start == before.start
            found["next period before the natural end"] += late < timedelta(0)
        if status == "canceling":
            end = company.memberships[membership_id].get("renewal_period_end")
            found["canceling without renewal_period_end"] += end is None
            found["canceling to a later renewal_period_end"] += (
                end is not None and end > periods[-1].natural_end
            )
            found["canceling to an earlier renewal_period_end"] += (
                end is not None and end < periods[-1].natural_end
            )

    of_member: dict[str, set[str]] = defaultdict(set)
    found["membership handed on"] += sum(
        len({period.member_id for period in periods}) > 1 for periods in by_membership.values()
    )
    for period in company.periods:
        of_member[period.member_id].add(period.membership_id)
    found["member with two memberships"] += sum(len(ids) > 1 for ids in of_member.values())
    ends = [(period.member_id, period.end, period.mrr) for period in company.periods if period.end]
    found["ends tied on moment and mrr"] += len(ends) - len(set(ends))
    for move in company.movements:
        found[f"movement {move.kind}"] += 1
        if move.kind == "churn":
            kind, reason = company.ending_of_churn(move)
            found[f"churn {kind}"] += 1
            found["churn without a reason given"] += reason == "unspecified"

    for states in _states(company).values():
        canceled = [state.get("canceled_at") is not None for state in states]
        found["canceled and un-canceled"] += any(
            then and not now for then, now in pairwise(canceled)
        )
        statuses = [(state["status"], state.get("canceled_at")) for state in states]
        found["state recorded twice"] += any(then == now for then, now in pairwise(statuses))
    return found


def _states(company: Company) -> dict[str, list[Row]]:
    states: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(company.states, key=lambda row: row["_whop_synced_at"]):
        states[row["id"]].append(row)
    return states


SITUATIONS: tuple[str, ...] = (
    "companies in one dataset",
    "account without payments",
    "account with one payment",
    "account with payments but no movement",
    "month without movement",
    *(f"currency {name}" for name in USD_PER),
    "usd_total unknown in another currency",
    "fee unknown",
    "tax",
    "payment without plan",
    "plan row missing",
    "payment without membership",
    "membership row missing",
    "payment without member",
    "zero amount",
    "total unknown",
    "one-time plan",
    "payment deleted at Whop",
    "membership deleted at Whop",
    "plan deleted at Whop",
    "refunded several times",
    "refunded several times in several months",
    "refund that is not listed",
    "refund not listed beside one that is",
    "more refunds listed than the payment says",
    "refund that was not carried out",
    "refund in another currency",
    "refund listed of what was never paid",
    "refund listed without a time",
    "dispute that only the list shows",
    "dispute listed without a time",
    "dispute by substatus",
    "dispute by alert",
    "refund of what is no longer paid",
    "refund before its payment",
    "refund of a payment without a time",
    "failed in unknown dollars, never paid",
    "failed in unknown dollars, paid since",
    "dispute of what is no longer paid",
    "product deleted at Whop",
    "product row missing",
    "begun with a code not in force any more",
    "code in force that it did not begin with",
    "canceled after a run of periods had ended",
    "recovered payment",
    *(f"payment {status}" for status in ("paid", "open", "uncollectible", "void", "unresolved")),
    *(f"month differs between UTC and {name}" for name in ZONES[1:]),
    *(f"last millisecond of a month in {name}" for name in ZONES[1:]),
    *(f"membership {status}" for status in (*RUNNING, *ENDED, "canceling")),
    "membership without member",
    "trial converted",
    "trial not converted",
    "deleted user",
    *(f"period of {days} days" for days in (*PERIODS, *ODD_PERIODS)),
    "set-up fee",
    "plan price in another currency",
    "period across New York's change of clocks",
    "full refund before the end of the period",
    "full refund after the end of the period",
    "partial refund before the end of the period",
    "partial refund after the end of the period",
    "refund without a date",
    "last period refunded in full",
    "running membership refunded in full",
    "late retry within grace",
    "late by exactly the grace",
    "late retry beyond grace",
    "back in the same membership after months",
    "tie on paid_at",
    "next period before the natural end",
    "canceling without renewal_period_end",
    "canceling to a later renewal_period_end",
    "canceling to an earlier renewal_period_end",
    "member with two memberships",
    "membership handed on",
    "ends tied on moment and mrr",
    *(f"movement {k}" for k in ("new", "reactivation", "expansion", "contraction", "churn")),
    *(f"churn {kind}" for kind in ("voluntary", "involuntary", "lapsed")),
    "churn without a reason given",
    "canceled and un-canceled",
    "state recorded twice",
)
"""What a dataset for the comparison must hold."""
