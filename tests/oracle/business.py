"""A company being made up: raw rows, everything random from its seed."""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from oracle.basics import Row

FIRST_DAY = datetime(2024, 1, 3, 9, tzinfo=UTC)
LAST_SYNC = datetime(2025, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)
ZONES = ("UTC", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe")

USD_PER = {
    "usd": Decimal(1),
    "eur": Decimal("1.0837"),
    "jpy": Decimal("0.0066"),
    "btc": Decimal("64321.5"),
    "gbp": Decimal("1.27"),
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

    def edit_plan(
        self, plan: Row, seen_at: datetime, edited_at: datetime | None = None, **changes: Any
    ) -> None:
        """A later sync found a plan changed; the first one saw it before anything was sold."""
        if not any(state["id"] == plan["id"] for state in self.tables["plan_states"]):
            self.see_plan(plan, FIRST_DAY - timedelta(days=1))
        plan |= {**changes, "updated_at": edited_at}
        self.see_plan(plan, seen_at)

    def see_plan(self, plan: Row, seen_at: datetime) -> None:
        stamps = ("_dlt_id", "_dlt_load_id")
        seen = {name: value for name, value in plan.items() if name not in stamps}
        self.add("plan_states", {**seen, "_whop_synced_at": seen_at})

    def tell_version(self, plan: Row, **changes: Any) -> None:
        """A line of the CSV in which what plans were before the first sync is told."""
        self.tables["given_plan_versions"].append(
            {
                "company_id": self.company_id,
                "plan_id": plan["id"],
                "valid_from": None,
                "valid_to": None,
                "plan_type": plan["plan_type"],
                "billing_period_days": plan["billing_period"],
                "initial_price": plan["initial_price"],
                "renewal_price": plan["renewal_price"],
                "currency": plan["currency"],
                "trial_period_days": plan.get("trial_period_days"),
                "split_pay_required_payments": plan.get("split_pay_required_payments"),
                **changes,
            }
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
                "user__name": f"Member {self.count}",
                "user__username": number,
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
            payment["tax_behavior"] = self.random.choice(("inclusive", "exclusive", None))
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

    def finish(self) -> dict[str, list[Row]]:
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
                "unreadable": "total (2)" if (status, number_from_last) == ("ok", 0) else None,
            }
        )
