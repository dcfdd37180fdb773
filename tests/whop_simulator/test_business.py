"""The simulated company: what follows from what, what changes when, and that life is all in it."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

import pytest

from whop_simulator import DEFAULT_CLOCK, Business
from whop_simulator.endpoints import BY_RESOURCE

Row = dict[str, Any]
EMBEDDED = {"user", "member", "membership", "plan", "product", "payment_method", "promo_code"}


@pytest.fixture(scope="module")
def business() -> Business:
    return Business()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_same_seed_gives_the_same_rows() -> None:
    one, two, other = Business(members=80), Business(members=80), Business(seed=8, members=80)
    for resource in one.tables:
        assert one.rows(resource) == two.rows(resource)
        assert one.rows(resource) != other.rows(resource) or resource == "files"
    assert one.company_id != other.company_id


@pytest.mark.parametrize("steps", [1, 13, 200])
def test_moving_the_clock_equals_starting_later(steps: int) -> None:
    target = DEFAULT_CLOCK + timedelta(days=200)
    moved, created = Business(members=120, years=1), Business(members=120, years=1, clock=target)
    for _ in range(steps):
        moved.advance(timedelta(days=200) / steps)
    moved.advance_to(target)
    for resource in moved.tables:
        assert moved.rows(resource) == created.rows(resource)
    assert len(moved.rows("members")) > 120


def test_an_earlier_clock_is_a_part_of_the_history(business: Business) -> None:
    earlier = Business(clock=DEFAULT_CLOCK - timedelta(days=400))
    known = {row["id"]: row["created_at"] for row in business.rows("payments")}
    rows = earlier.rows("payments")
    assert 0 < len(rows) < len(known)
    assert all(known[row["id"]] == row["created_at"] for row in rows)


def test_the_clock_does_not_go_back(business: Business) -> None:
    with pytest.raises(ValueError, match="cannot go back"):
        business.advance(timedelta(days=-1))


def test_size(business: Business) -> None:
    assert len(business.rows("members")) == 1000
    assert 8_000 < len(business.rows("payments")) < 12_000
    assert business.clock == DEFAULT_CLOCK


@pytest.mark.parametrize("resource", ["members", "memberships", "payments"])
def test_whatever_changes_says_when(resource: str) -> None:
    business = Business(members=400)
    # A refund alone changes a member only until the next renewal: small steps show it.
    small = (4,) * 20 if resource == "members" else ()
    for days in (1, 30, 3, 90, *small):
        since = business.clock
        before = {row["id"]: row for row in business.rows(resource)}
        business.advance(timedelta(days=days))
        changed = 0
        for row in business.rows(resource):
            old = before.get(row["id"])
            if old is None:
                assert since < moment(row["created_at"]) <= business.clock
                continue
            assert row["created_at"] == old["created_at"]
            own = row.keys() - EMBEDDED
            if any(row[name] != old[name] for name in own):
                changed += 1
                assert since < moment(row["updated_at"]) <= business.clock
        assert changed or days < 5
        assert before.keys() <= {row["id"] for row in business.rows(resource)}


def test_a_changed_member_can_be_found_by_action_payment_or_membership() -> None:
    business = Business(members=400)
    since = business.clock
    before = {row["id"]: row for row in business.rows("members")}
    business.advance(timedelta(days=30))
    touched = {
        row["member"]["id"]
        for resource in ("payments", "memberships")
        for row in business.rows(resource)
        if row["member"] and moment(row["updated_at"]) > since
    }
    for row in business.rows("members"):
        if row != before.get(row["id"]):
            assert moment(row["most_recent_action_at"]) > since or row["id"] in touched


def test_nothing_has_happened_yet_that_lies_ahead(business: Business) -> None:
    past = (
        "created_at",
        "updated_at",
        "paid_at",
        "refunded_at",
        "canceled_at",
        "joined_at",
        "most_recent_action_at",
        "dispute_alerted_at",
        "last_payment_attempt",
    )
    for resource in ("payments", "memberships", "members", "payment_methods", "plans", "products"):
        for row in business.rows(resource):
            for name in past:
                if row.get(name) is not None:
                    assert moment(row[name]) <= business.clock, (resource, name)


def test_rows_agree_with_each_other(business: Business) -> None:
    ids = {resource: {row["id"] for row in business.rows(resource)} for resource in BY_RESOURCE}
    for name in ids:
        assert len(ids[name]) == len(business.rows(name))
    payments = business.rows("payments")
    for row in payments:
        for field, resource in (
            ("plan", "plans"),
            ("product", "products"),
            ("member", "members"),
            ("membership", "memberships"),
            ("promo_code", "promo_codes"),
            ("user", "users"),
        ):
            assert row[field] is None or row[field]["id"] in ids[resource]
        assert row["company"]["id"] == business.company_id
        assert (row["paid_at"] is not None) == (row["status"] == "paid")
        if row["refunded_amount"]:
            assert 0 < row["refunded_amount"] <= row["total"]
            full = row["refunded_amount"] == row["total"]
            assert (row["substatus"] in ("refunded", "auto_refunded")) == full
    spent: defaultdict[str, float] = defaultdict(float)
    for item in (payment for member in business.members for payment in member.payments):
        if item.status == "paid" and not item.guest:
            spent[item.member.id] += item.usd / 100
            spent[item.member.id] -= (
                round(item.usd * item.refunded / item.total) / 100 if (item.total) else 0
            )
    for row in business.rows("members"):
        assert row["usd_total_spent"] == pytest.approx(spent[row["id"]], abs=0.05)
    valid = {
        row["member"]["id"]
        for row in business.rows("memberships")
        if row["status"] in ("trialing", "active", "past_due", "completed", "canceling")
    }
    levels = Counter((row["access_level"], row["id"] in valid) for row in business.rows("members"))
    assert levels["customer", True] > 400
    assert levels["no_access", False] > 200
    assert levels["customer", False] == levels["no_access", True] == 0
    uses = Counter(row["promo_code"]["id"] for row in payments if row["promo_code"])
    for row in business.rows("promo_codes"):
        assert row["uses"] == uses[row["id"]]


def test_a_row_given_out_is_a_copy(business: Business) -> None:
    row = business.rows("payments")[0]
    row["company"]["id"] = "biz_other"
    assert business.rows("payments")[0]["company"]["id"] == business.company_id


def test_rows_by_hand() -> None:
    business = Business.empty(company_id="biz_hand", clock=DEFAULT_CLOCK)
    assert {name: len(business.rows(name)) for name in business.tables} == {
        name: int(name == "companies") for name in business.tables
    }
    row = {"id": "pay_1", "total": 10.0, "status": "paid", "_secret": 1}
    business.put("payments", row)
    assert business.rows("payments") == [{"id": "pay_1", "total": 10.0, "status": "paid"}]
    business.put("payments", {"id": "pay_1", "status": "void"})
    assert business.row("payments", "pay_1") == {"id": "pay_1", "status": "void"}
    business.remove("payments", "pay_1")
    assert business.rows("payments") == []
    with pytest.raises(KeyError):
        business.row("payments", "pay_1")


def test_a_row_by_hand_takes_the_place_of_a_generated_one() -> None:
    business = Business(members=20)
    rows = business.rows("members")
    business.put("members", {**rows[3], "phone": "+1"})
    business.remove("members", rows[5]["id"])
    after = business.rows("members")
    assert [row["id"] for row in after] == [row["id"] for row in rows if row is not rows[5]]
    assert after[3]["phone"] == "+1"
    business.advance(timedelta(days=3))
    assert business.row("members", rows[3]["id"])["phone"] == "+1"


def days_between(start: str, end: str) -> float:
    return (moment(end) - moment(start)) / timedelta(days=1)


def situations(business: Business) -> dict[str, int]:
    """How often each situation occurs that the numbers care about."""
    payments, memberships = business.rows("payments"), business.rows("memberships")
    members, plans = business.rows("members"), {row["id"]: row for row in business.rows("plans")}
    by_membership: defaultdict[str, list[Row]] = defaultdict(list)
    for row in payments:
        if row["membership"]:
            by_membership[row["membership"]["id"]].append(row)
    paid = [row for row in payments if row["status"] == "paid" and row["total"] > 0]
    paid_on = {row["membership"]["id"] for row in paid if row["membership"]}
    trial = [
        row
        for row in memberships
        if by_membership[row["id"]]
        and min(by_membership[row["id"]], key=lambda one: one["created_at"])["total"] == 0
        and plans[row["plan"]["id"]]["plan_type"] == "renewal"
    ]
    late = [
        days_between(row["created_at"], row["paid_at"]) for row in paid if row["payments_failed"]
    ]
    plan_changes = [
        (ones[i - 1]["plan"]["id"], ones[i]["plan"]["id"], ones[i]["billing_reason"])
        for ones in (sorted(v, key=lambda row: row["created_at"]) for v in by_membership.values())
        for i in range(1, len(ones))
        if ones[i]["plan"]["id"] != ones[i - 1]["plan"]["id"]
    ]
    methods = business.rows("payment_methods")
    kept = {row["id"] for row in methods}
    charged = {row["payment_method"]["id"] for row in payments if row["payment_method"]}
    found = {
        "trial converted": sum(row["id"] in paid_on for row in trial),
        "trial lapsed": sum(
            row["id"] not in paid_on and row["status"] in ("canceled", "expired") for row in trial
        ),
        "recovered within 14 days": sum(0 < days <= 14 for days in late),
        "recovered after 14 days": sum(days > 14 for days in late),
        "pending debit collected days later": sum(
            not row["payments_failed"] and row["paid_at"] > row["created_at"] for row in paid
        ),
        "canceled at once": sum(
            row["status"] == "canceled" and row["canceled_at"] == row["updated_at"]
            for row in memberships
        ),
        "canceled at period end": sum(
            row["status"] == "canceled" and row["renewal_period_end"] == row["updated_at"]
            for row in memberships
        ),
        "set to cancel at period end": sum(row["cancel_at_period_end"] for row in memberships),
        "reason in words": sum(row["cancellation_reason"] is not None for row in memberships),
        "canceled without reason": sum(
            row["canceled_at"] is not None and row["cancel_option"] is None for row in memberships
        ),
        "ended without a cancellation": sum(
            row["status"] == "canceled" and row["canceled_at"] is None for row in memberships
        ),
        "lapsed without a failed payment": sum(
            row["status"] == "expired"
            and row["canceled_at"] is None
            and plans[row["plan"]["id"]]["plan_type"] == "renewal"
            and not any(one["payments_failed"] for one in by_membership[row["id"]])
            for row in memberships
        ),
        "upgraded in place": sum(reason == "subscription_update" for _, _, reason in plan_changes),
        "downgraded": sum(
            reason == "subscription_cycle"
            and plans[new]["renewal_price"] < plans[old]["renewal_price"]
            for old, new, reason in plan_changes
        ),
        "upgraded by another membership": sum(
            row["cancel_option"] == "switching" and row["status"] == "canceled"
            for row in memberships
        ),
        "upgraded by the difference": sum(
            row["billing_reason"] == "subscription_update"
            and row["subtotal"] < plans[row["plan"]["id"]]["renewal_price"]
            for row in paid
        ),
        "paid in instalments, to the end": sum(
            row["status"] == "completed"
            and plans[row["plan"]["id"]]["split_pay_required_payments"] == 3
            and sum(one["status"] == "paid" for one in by_membership[row["id"]]) == 3
            for row in memberships
        ),
        "a trial that costs something": sum(
            row["billing_reason"] == "subscription_create"
            and bool(plans[row["plan"]["id"]]["trial_period_days"])
            for row in paid
        ),
        "for ever after months": sum(
            {"one_time", "subscription_create"} <= {one["billing_reason"] for one in ones}
            for ones in by_membership.values()
        ),
        "free from some day on": sum(
            row["total"] == 0 and row["billing_reason"] == "subscription_cycle" for row in payments
        ),
        "the old price after the plan was edited": sum(
            row["billing_reason"] == "subscription_cycle"
            and not row["promo_code"]
            and row["subtotal"] < plans[row["plan"]["id"]]["renewal_price"]
            for row in paid
        ),
        "the rest given back to who leaves": sum(
            row["substatus"] == "partially_refunded"
            and bool(row["membership"])
            and any(
                one["id"] == row["membership"]["id"] and one["canceled_at"] == row["refunded_at"]
                for one in memberships
            )
            for row in paid
        ),
        "given back in full, and stays": sum(
            row["substatus"] == "refunded"
            and bool(row["membership"])
            and any(
                one["created_at"] > row["refunded_at"] and one["status"] == "paid"
                for one in by_membership[row["membership"]["id"]]
            )
            for row in paid
        ),
        "paused": sum(row["payment_collection_paused"] for row in memberships),
        "resumed after a pause": sum(
            days_between(a["created_at"], b["created_at"]) > 31
            for ones in by_membership.values()
            for a, b in itertools.pairwise(ones)
            if plans[a["plan"]["id"]]["billing_period"] == 30
        ),
        "came back": sum(
            count > 1 for count in Counter(row["member"]["id"] for row in memberships).values()
        ),
        "fully refunded": sum(row["substatus"] == "refunded" for row in paid),
        "partly refunded": sum(row["substatus"] == "partially_refunded" for row in paid),
        "refunded in several parts": sum(
            len(business.row("payments", row["id"])["refunds"]) > 1
            for row in paid
            if row["refunded_amount"]
        ),
        "refunded in a later month": sum(
            row["refunded_at"][:7] > row["paid_at"][:7] for row in paid if row["refunded_at"]
        ),
        "refunded by Whop": sum(row["auto_refunded"] for row in paid),
        "dispute warned": sum(row["substatus"].startswith("dispute_warning") for row in paid),
        "dispute won": sum(row["substatus"] == "dispute_won" for row in paid),
        "dispute lost": sum(row["substatus"] == "dispute_lost" for row in paid),
        "dispute alerted": sum(row["dispute_alerted_at"] is not None for row in paid),
        "resolution case": sum(row["substatus"].startswith("resolution") for row in paid),
        "promo code": sum(row["promo_code"] is not None for row in payments),
        "promo code for ever": sum(row["promo_code"] is not None for row in memberships),
        "all of it off": sum(row["total"] == 0 and row["subtotal"] > 0 for row in payments),
        "set-up fee": sum(
            row["billing_reason"] == "subscription_create"
            and plans[row["plan"]["id"]]["initial_price"] > 0
            for row in paid
        ),
        "sold once": sum(row["billing_reason"] == "one_time" for row in paid),
        "access that expired": sum(
            row["status"] == "expired" and plans[row["plan"]["id"]]["expiration_days"] is not None
            for row in memberships
        ),
        "free": sum(row["total"] == 0 and row["billing_reason"] == "one_time" for row in payments),
        "archived plan still renewing": sum(
            plans[row["plan"]["id"]]["visibility"] == "archived" and row["status"] == "active"
            for row in memberships
        ),
        "deleted user": sum(row["user"] is None for row in members),
        "deleted user of a payment": sum(
            row["user"] is None and row["member"] is not None for row in payments
        ),
        "payer without an account here": sum(row["member"] is None for row in payments),
        "without plan and membership": sum(
            row["plan"] is None and row["membership"] is None for row in payments
        ),
        "by hand, for a plan": sum(row["billing_reason"] == "subscription" for row in payments),
        "expired card": sum(row["failure_message"] == "Your card has expired." for row in payments),
        "removed payment method": len(charged - kept),
        "card changed since it was charged": sum(
            bool(row["payment_method"] and row["payment_method"]["card"])
            and row["payment_method"]["card"]["last4"] != row["card_last4"]
            for row in payments
        ),
        "worth unknown in dollars": sum(row["usd_total"] is None for row in payments),
        "settled in another currency": sum(
            row["settlement_currency"] != row["currency"] for row in payments
        ),
        "tax on top": sum(
            row["tax_behavior"] == "exclusive" and bool(row["tax_amount"]) for row in paid
        ),
        "tax inside": sum(
            row["tax_behavior"] == "inclusive" and bool(row["tax_amount"]) for row in paid
        ),
        "name beyond ASCII": sum(
            bool(row["user"]) and not (row["user"]["name"] or "").isascii() for row in members
        ),
        "free-form metadata": sum(bool(row["metadata"]) for row in payments),
        "hidden product": sum(row["visibility"] == "hidden" for row in business.rows("products")),
        "archived product": sum(
            row["visibility"] == "archived" for row in business.rows("products")
        ),
        "archived promo code": sum(
            row["status"] == "archived" for row in business.rows("promo_codes")
        ),
    }
    for name, field, rows in (
        ("payment status", "status", payments),
        ("membership", "status", memberships),
        ("member", "status", members),
        ("charged for", "billing_reason", payments),
        ("in", "currency", payments),
        ("method", "typename", methods),
        ("canceled:", "cancel_option", memberships),
    ):
        for value, count in Counter(row[field] for row in rows).items():
            found[f"{name} {value}"] = count
    for row in memberships:
        period = plans[row["plan"]["id"]]["billing_period"]
        found[f"every {period} days"] = found.get(f"every {period} days", 0) + 1
    return found


ALSO = (
    [
        f"payment status {s}"
        for s in ["draft", "open", "paid", "pending", "uncollectible", "unresolved", "void"]
    ]
    + [
        f"membership {s}"
        for s in [
            "trialing",
            "active",
            "past_due",
            "completed",
            "canceled",
            "expired",
            "unresolved",
            "drafted",
            "canceling",
        ]
    ]
    + [f"member {s}" for s in ("drafted", "joined", "left")]
    + [
        f"charged for {s}"
        for s in [
            "subscription_create",
            "subscription_cycle",
            "subscription_update",
            "subscription",
            "one_time",
            "manual",
        ]
    ]
    + [f"in {s}" for s in ("usd", "eur", "gbp", "jpy", "eth")]
    + [
        f"method {s}PaymentMethod"
        for s in ("Base", "Card", "UsBankAccount", "Cashapp", "Ideal", "SepaDebit")
    ]
    + [
        f"canceled: {s}"
        for s in [
            "too_expensive",
            "switching",
            "missing_features",
            "technical_issues",
            "bad_experience",
            "other",
            "testing",
        ]
    ]
    + [f"every {days} days" for days in (7, 30, 90, 365)]
)


def test_every_situation_occurs(business: Business) -> None:
    found = situations(business)
    missing = [name for name, count in found.items() if not count]
    missing += [name for name in ALSO if not found.get(name)]
    assert not missing


def test_uncanceling() -> None:
    business = Business(members=300)
    undone = 0
    for _ in range(12):
        before = {row["id"]: row for row in business.rows("memberships")}
        business.advance(timedelta(days=7))
        for row in business.rows("memberships"):
            old = before.get(row["id"])
            if old and old["cancel_at_period_end"] and not row["cancel_at_period_end"]:
                undone += row["status"] == "active" and row["canceled_at"] is None
    assert undone


def test_the_seller_goes_on() -> None:
    """Staff come and go, prices and promo codes are archived, new ones appear."""
    business = Business(members=50)
    before = {name: business.rows(name) for name in BY_RESOURCE}
    business.advance(timedelta(days=120))
    after = {name: business.rows(name) for name in BY_RESOURCE}
    old = {row["id"] for row in before["authorized_users"]}
    new = {row["id"] for row in after["authorized_users"]}
    assert new - old
    for name in ("apps", "products", "plans", "promo_codes"):
        assert {row["id"] for row in before[name]} < {row["id"] for row in after[name]}
    archived = [
        {row["id"] for row in rows["plans"] if row["visibility"] == "archived"}
        for rows in (before, after)
    ]
    assert archived[0] < archived[1]
    business.advance(timedelta(days=600))
    assert old - {row["id"] for row in business.rows("authorized_users")}
    assert {row["role"] for row in business.rows("authorized_users")} > {"owner"}


def test_a_million_payments_would_fit() -> None:
    """A tenth of it, so that the test is quick; it must not grow faster than its size."""
    from time import process_time

    started = process_time()
    business = Business(members=10_000)
    assert process_time() - started < 6
    assert sum(len(member.payments) for member in business.members) > 80_000
