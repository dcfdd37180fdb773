"""A hand that changes a simulated business the way its owner, its customers or Whop might."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from whop_simulator import Business

from .expected import ENDED, Row

HIDDEN: dict[str, tuple[str, ...]] = {"products": ("hidden", "archived"), "plans": ("archived",)}
"""Visibilities that a list leaves out."""

TEXTS = (
    "Ægir Ünïcødé 推特 🎉",
    "a\0b\0",
    "\0",
    "'; drop table payments; --",
    'quote " back \\ slash \\n tab\t newline\n',
    "عربي\u200f\u202e",
    "e\u0301 \ufeff \u2028 \x7f \x01",
    "\\N",
    "%s %(x)s {} $1",
    "",
    "x" * 5000,
)


def iso(moment: datetime) -> str:
    """As in an answer of Whop's."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


@cache
def example(table: str) -> Row:
    """A row of a business that is large enough to have some of every table."""
    business = Business(members=400, seed=1)
    return business.row(table, next(iter(business.rows(table)))["id"])


class Hand:
    """Changes rows of one business, at random."""

    def __init__(self, business: Business, dice: random.Random) -> None:
        self.business = business
        self.dice = dice
        self.trash: list[tuple[str, Row]] = []
        self._made = 0

    def move(self, name: str) -> str | None:
        """Make a change of this kind; return what was done; None if nothing could be."""
        return CHANGES[name](self)

    # ------------------------------------------------------------------ helpers

    def pick(self, table: str, wanted: Callable[[Row], Any] = lambda row: True) -> Row | None:
        """A random row, with every field of the object; None when none is wanted."""
        rows = [row for row in self.business.rows(table) if wanted(row)]
        if not rows:
            return None
        return self.business.row(table, self.dice.choice(rows)["id"])

    def put(self, table: str, row: Row) -> None:
        """Put a row in, or a changed one back."""
        self.business.put(table, row)

    def now(self, late: bool = False) -> str:
        """The time it is, or one of up to fifty minutes ago: what becomes visible late."""
        ago = timedelta(minutes=self.dice.uniform(0, 50)) if late else timedelta()
        return iso(self.business.clock - ago)

    def new_id(self, table: str) -> str:
        """An id nobody has."""
        self._made += 1
        prefix = self.business.ids[table].prefix
        return f"{prefix}hand{self.dice.randrange(10**6):06d}{self._made:04d}"

    def update(self, table: str, row: Row | None, late: bool = False, **fields: Any) -> str | None:
        """Change fields, and `updated_at` where the row has one."""
        if row is None:
            return None
        if "updated_at" in row:
            fields.setdefault("updated_at", self.now(late))
        self.put(table, {**row, **fields})
        return f"{table} {row['id']}: {', '.join(f'{k}={v!r:.60}' for k, v in fields.items())}"

    def name(self, table: str, payment: Row, at: str) -> None:
        """Add a row that tells what happened to a payment, like one that is there."""
        like = self.pick(table) or self._of_this_business(example(table))
        of = {"id": payment["id"]}
        self.put(table, {**like, "id": self.new_id(table), "created_at": at, "payment": of})

    def _of_this_business(self, row: Row) -> Row:
        """Another business's row, with nothing that this one does not have."""
        own = {"company": self.business.company, "plan": None, "product": None}
        return row | {name: value for name, value in own.items() if name in row}

    def member_of(self, row: Row) -> Row | None:
        """The member a payment or membership is of."""
        user = (row.get("user") or {}).get("id")
        return self.pick("members", lambda m: user and (m.get("user") or {}).get("id") == user)

    def lend(self, row: Row, **fields: Any) -> str:
        """Change the member of a row without an action of theirs."""
        member = self.member_of(row)
        return " and " + (self.update("members", member, **fields) or "nobody")

    # ------------------------------------------------------------------ changes

    def refund(self, late: bool = False) -> str | None:
        row = self.pick("payments", lambda p: p["substatus"] == "succeeded" and p["total"])
        if row is None:
            return None
        now = self.now(late)
        said = self.update(
            "payments",
            row,
            late,
            substatus="refunded",
            refunded_amount=row["total"],
            refunded_at=now,
            refundable=False,
            updated_at=now,
        )
        if row["id"][-1].islower():
            # Of the others the ledger alone tells, or nothing.
            self.name("refunds", row, now)
        return f"{said}{self.lend(row, usd_total_spent=round(self.dice.uniform(0, 500), 2))}"

    def late_refund(self) -> str | None:
        return self.refund(late=True)

    def dispute(self) -> str | None:
        row = self.pick("payments", lambda p: p["status"] == "paid")
        now = self.now()
        if row is not None:
            self.name(self.dice.choice(("disputes", "dispute_alerts")), row, now)
        return self.update(
            "payments", row, substatus="dispute_needs_response", dispute_alerted_at=now
        )

    def recent_dispute(self) -> str | None:
        """Of a payment young enough to be re-read when Whop does not say what has changed."""
        since = iso(self.business.clock - timedelta(days=30))
        row = self.pick("payments", lambda p: p["status"] == "paid" and p["created_at"] > since)
        return self.update("payments", row, substatus="dispute_warning", refundable=False)

    def payment_fails(self) -> str | None:
        row = self.pick("payments", lambda p: p["status"] in ("open", "pending", "paid"))
        return self.update(
            "payments",
            row,
            status="open",
            substatus="past_due",
            payments_failed=(row or {}).get("payments_failed", 0) + 1,
            failure_message=self.dice.choice(TEXTS),
        )

    def open_payment_is_paid(self) -> str | None:
        row = self.pick("payments", lambda p: p["status"] in ("open", "pending", "draft"))
        return self.update(
            "payments", row, status="paid", substatus="succeeded", paid_at=self.now()
        )

    def new_payment(self, late: bool = False, **fields: Any) -> str | None:
        row = self.pick("payments")
        if row is None:
            return None
        now = self.now(late)
        new = {**row, "id": self.new_id("payments"), "created_at": now, "updated_at": now, **fields}
        if new["paid_at"]:
            # Nothing is paid before it is there, which is what a run relies on where Whop takes
            # `created_after` for the time of payment.
            new["paid_at"] = new["created_at"]
        self.put("payments", new)
        return f"payments: new {new['id']} at {new['created_at']} {fields!r:.80}"

    def late_payment(self) -> str | None:
        return self.new_payment(late=True)

    def free_payment(self) -> str | None:
        return self.new_payment(total=0.0, subtotal=0.0, usd_total=0.0)

    def exact_amounts(self) -> str | None:
        return self.new_payment(
            total=0.00000001,
            subtotal=12345678901234.12,
            tax_amount=0.1 + 0.2,
            amount_after_fees=-10.43,
            usd_total=1e21,
            currency="btc",
        )

    def same_moment(self) -> str | None:
        """More rows of one moment than a page holds."""
        now = self.now()
        said = [self.new_payment(created_at=now, updated_at=now) for _ in range(13)]
        if self.dice.random() < 0.5:
            for _ in range(12):
                self._new_method(now)
        return f"{len(said)} of one moment: {said[0]}" if said[0] else None

    def remove_payment(self) -> str | None:
        return self.remove("payments")

    def cancel(self) -> str | None:
        row = self.pick("memberships", lambda m: m["status"] not in ENDED)
        if row is None:
            return None
        said = self.update(
            "memberships",
            row,
            status=self.dice.choice(("canceled", "expired")),
            canceled_at=self.now(),
            cancel_option=self.dice.choice(("too_expensive", "other")),
            cancellation_reason=self.dice.choice(TEXTS),
        )
        return f"{said}{self.lend(row, access_level='no_access')}"

    def cancel_at_end(self) -> str | None:
        row = self.pick("memberships", lambda m: m["status"] == "active")
        return self.update(
            "memberships",
            row,
            status="canceling",
            cancel_at_period_end=True,
            canceled_at=self.now(),
        )

    def uncancel(self) -> str | None:
        row = self.pick("memberships", lambda m: m["status"] in ENDED)
        if row is None:
            return None
        # One that is to end with its period is in another list on Current.
        ends = self.dice.random() < 0.5
        said = self.update(
            "memberships",
            row,
            status="canceling" if ends else "active",
            canceled_at=None,
            cancel_at_period_end=ends,
        )
        return f"{said}{self.lend(row, access_level='customer')}"

    def renew(self) -> str | None:
        row = self.pick("memberships", lambda m: m["status"] in ("active", "past_due"))
        end = iso(self.business.clock + timedelta(days=30))
        return self.update(
            "memberships",
            row,
            status="active",
            renewal_period_start=self.now(),
            renewal_period_end=end,
        )

    def unknown_status(self) -> str | None:
        """A status nobody has documented: it must load."""
        row = self.pick("payments")
        return self.update("payments", row, status="paid", substatus="on_the_moon")

    def remove_membership(self) -> str | None:
        return self.remove("memberships")

    def remove_live_membership(self) -> str | None:
        return self.remove("memberships", lambda row: row["status"] not in ENDED)

    def act(self) -> str | None:
        now = self.now()
        row = self.pick("members")
        return self.update(
            "members",
            row,
            most_recent_action="paused",
            most_recent_action_at=now,
            phone=self.dice.choice(("+4915112345678", None)),
        )

    def late_act(self) -> str | None:
        now = self.now(late=True)
        row = self.pick("members", lambda m: (m.get("most_recent_action_at") or "") < now)
        return self.update(
            "members", row, status="left", most_recent_action="left", most_recent_action_at=now
        )

    def no_action(self) -> str | None:
        """Members who have never done anything: they sort where no time does."""
        row = self.pick("members")
        if row is None:
            return None
        # One, or more than a page of them.
        made = [self._idle(row) for _ in range(self.dice.choice((1, 11)))]
        return f"members: {len(made)} new without an action, {made[0]}"

    def _idle(self, row: Row) -> str:
        number = self.new_id("members")
        now = self.now()
        person = {"id": f"user_{number}", "email": f"{number}@x.invalid", "name": None}
        fields = {
            "id": number,
            "created_at": now,
            "updated_at": now,
            "most_recent_action": None,
            "most_recent_action_at": None,
            "user": {**person, "username": self.dice.choice(TEXTS)},
        }
        self.put("members", {**row, **fields})
        return number

    def remove_member(self) -> str | None:
        return self.remove("members")

    def account_deleted(self) -> str | None:
        row = self.pick("members", lambda m: m.get("user"))
        return self.update("members", row, user=None, most_recent_action_at=self.now())

    def rename_app(self) -> str | None:
        return self.update("apps", self.pick("apps"), name=self.dice.choice(TEXTS))

    def remove_app(self) -> str | None:
        return self.remove("apps")

    def staff_leaves(self) -> str | None:
        return self.remove("authorized_users")

    def staff_joins(self) -> str | None:
        row = self.pick("authorized_users")
        if row is None:
            return None
        new = {**row, "id": self.new_id("authorized_users"), "_created_at": self.now()}
        self.put("authorized_users", {**new, "role": "support"})
        return f"authorized_users: new {new['id']}"

    def staff_promoted(self) -> str | None:
        row = self.pick("authorized_users")
        return self.update("authorized_users", row, role=self.dice.choice(("admin", "moderator")))

    def new_method(self) -> str | None:
        return self._new_method(self.now())

    def late_method(self) -> str | None:
        """One that becomes visible after a newer one."""
        late = self.now(late=True)
        newest = max((m["created_at"] for m in self.business.rows("payment_methods")), default=late)
        just_before = iso(datetime.fromisoformat(newest) - timedelta(seconds=9))
        return self._new_method(just_before if just_before > self.now(late=True) else late)

    def _new_method(self, now: str) -> str | None:
        row = self.pick("payment_methods")
        if row is None:
            return None
        new = {**row, "id": self.new_id("payment_methods"), "created_at": now}
        self.put("payment_methods", new)
        return f"payment_methods: new {new['id']} at {now}"

    def remove_method(self) -> str | None:
        return self.remove("payment_methods")

    def card_renewed(self) -> str | None:
        row = self.pick("payment_methods", lambda m: m.get("card"))
        if row is None:
            return None
        card = {**row["card"], "exp_year": row["card"]["exp_year"] + 3}
        return self.update("payment_methods", row, card=card)

    def archive_plan(self) -> str | None:
        row = self.pick("plans", lambda p: p["visibility"] != "archived")
        return self.update("plans", row, visibility="archived")

    def unarchive_plan(self) -> str | None:
        row = self.pick("plans", lambda p: p["visibility"] == "archived")
        return self.update("plans", row, visibility="visible")

    def change_archived_plan(self) -> str | None:
        row = self.pick("plans", lambda p: p["visibility"] == "archived")
        price = round(self.dice.uniform(1, 500), 2)
        return self.update("plans", row, renewal_price=price, title=self.dice.choice(TEXTS))

    def hidden_plan(self) -> str | None:
        """A product and a plan no list has ever shown; only a new payment names them."""
        plan, product = self.pick("plans"), self.pick("products")
        if plan is None or product is None:
            return None
        now = self.now()
        product = {**product, "id": self.new_id("products"), "visibility": "hidden"}
        product |= {"created_at": now, "updated_at": now}
        named = {"id": product["id"], "title": product["title"]}
        plan = {**plan, "id": self.new_id("plans"), "visibility": "archived", "product": named}
        plan |= {"created_at": now, "updated_at": now}
        self.put("products", product)
        self.put("plans", plan)
        payment = self.new_payment(
            plan={"id": plan["id"], "internal_notes": None, "metadata": None},
            product={**named, "metadata": None, "route": None},
        )
        return f"products {product['id']}, plans {plan['id']}; {payment}"

    def hide_product(self) -> str | None:
        row = self.pick("products", lambda p: p["visibility"] == "visible")
        return self.update("products", row, visibility=self.dice.choice(("hidden", "archived")))

    def remove_plan(self) -> str | None:
        return self.remove("plans")

    def remove_product(self) -> str | None:
        return self.remove("products")

    def remove_promo(self) -> str | None:
        return self.remove("promo_codes")

    def change_promo(self) -> str | None:
        row = self.pick("promo_codes")
        return self.update("promo_codes", row, status="archived", uses=(row or {"uses": 0})["uses"])

    def rename_company(self) -> str | None:
        row = self.business.row("companies", self.business.company_id)
        return self.update("companies", row, description=self.dice.choice(TEXTS))

    def odd_text(self) -> str | None:
        row = self.pick("payments")
        text = self.dice.choice(TEXTS)
        return self.update(
            "payments",
            row,
            failure_message=text,
            metadata={text or "k": [text, {"in": text}], "n": None, "f": 1.5},
        )

    def unknown_field(self) -> str | None:
        table = self.dice.choice(("payments", "memberships", "plans", "apps"))
        row = self.pick(table, lambda r: r.get("status") not in ENDED)
        value: Any = self.dice.choice((7, None, "text\0", {"deep": [1, None, "ü"]}, [], 1.5, True))
        fields: Row = {"brand_new": value}
        if table == "payments" and row and row.get("product"):
            fields["product"] = {**row["product"], "brand_new": value}
        return self.update(table, row, **fields)

    def unfit_value(self) -> str | None:
        row = self.pick("payments")
        return self.update(
            "payments",
            row,
            total=self.dice.choice(("n/a", "10.43", 1e40, 0.1234567891234, True, {"a": 1})),
            payments_failed=self.dice.choice((2.5, 2.0, "two", 2**63, True)),
            paid_at=self.dice.choice(("soon", 1700000000, 1700000000.5, "2024-02-29")),
            refundable=self.dice.choice(("yes", 1, None)),
            plan=self.dice.choice(("plan_x", None, [])),
        )

    def reappear(self) -> str | None:
        if not self.trash:
            return None
        table, row = self.trash.pop(self.dice.randrange(len(self.trash)))
        if "updated_at" in row:
            row = {**row, "updated_at": self.now()}
        self.put(table, row)
        return f"{table} {row['id']} is back"

    def remove(self, table: str, wanted: Callable[[Row], Any] = lambda row: True) -> str | None:
        rows = self.business.rows(table)
        row = self.pick(table, wanted)
        if row is None or len(rows) < 2:
            return None
        self.trash.append((table, row))
        self.business.remove(table, row["id"])
        return f"{table} {row['id']} is removed"


CHANGES: dict[str, Callable[[Hand], str | None]] = {
    name: getattr(Hand, name)
    for name in (
        "refund",
        "cancel",
        "reappear",
        "same_moment",
        "staff_leaves",
        "late_payment",
        "archive_plan",
        "remove_method",
        "act",
        "free_payment",
        "uncancel",
        "hidden_plan",
        "unknown_field",
        "remove_live_membership",
        "late_refund",
        "rename_app",
        "odd_text",
        "new_method",
        "late_method",
        "recent_dispute",
        "remove_payment",
        "dispute",
        "new_payment",
        "late_act",
        "change_archived_plan",
        "remove_member",
        "renew",
        "exact_amounts",
        "staff_promoted",
        "no_action",
        "payment_fails",
        "hide_product",
        "open_payment_is_paid",
        "remove_membership",
        "unfit_value",
        "card_renewed",
        "staff_joins",
        "account_deleted",
        "unarchive_plan",
        "rename_company",
        "cancel_at_end",
        "remove_plan",
        "change_promo",
        "remove_app",
        "unknown_status",
        "remove_product",
        "remove_promo",
    )
}
