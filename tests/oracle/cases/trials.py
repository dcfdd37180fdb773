"""Plans paid in parts, begun with a trial, or of odd lengths."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from oracle.cases.expect import moved
from oracle.cases.plans import EDITED, SEEN
from oracle.cases.story import Answer, Case, Story

# ---------------------------------------------------------------------- instalments


def three_times_100(s: Story) -> None:
    s.plan("course", 100, split_pay_required_payments=3)
    for name, status in (("running", "active"), ("done", "completed")):
        s.membership(name, "course", status)
        s.pays(name, "03-01 03-31 04-30", 100)


def one_time_revenue(amount: int) -> Any:
    def check(a: Answer) -> None:
        assert a.total("one_time_gross_usd") == amount
        assert a.moves() == []
        assert a.marts["fct_subscriptions"] == []
        assert a.marts["churn_monthly"] == []

    return check


def yearly_instalments_in_euro(s: Story) -> None:
    s.plan("course", 400, 365, currency="eur", split_pay_required_payments=2)
    s.membership("m", "course", "canceled", canceled_at="2026-03-10")
    s.pay("m", "2026-03-01", 400, currency="eur", usd_total=Decimal(440))


def beside_a_subscription(s: Story) -> None:
    s.plan("course", 100, split_pay_required_payments=3)
    s.plan("room", 29)
    s.membership("buys", "course", "completed", member__id="ann")
    s.pays("buys", "08-01 08-31 09-30", 100)
    s.membership("stays", "room", member__id="ann")
    s.pays("stays", "08-01 08-31 09-30 10-30", 29)


def only_the_subscription(a: Answer) -> None:
    assert a.moves() == [("2026-08-01", "new", Decimal(29))]
    assert a.total("one_time_gross_usd") == 300


def became_instalments(s: Story) -> None:
    s.plan("a", 50)
    s.membership("before", "a")
    s.pays("before", "08-10 09-09 10-09", 50)
    s.edited("a", SEEN, EDITED, split_pay_required_payments=4)
    s.membership("after", "a")
    s.pay("after", "2026-10-25", 50)


# ---------------------------------------------------------------------- paid trial


def paid_trial(s: Story) -> None:
    s.plan("p", 49, initial_price=Decimal(1), trial_period_days=7)
    s.membership("leaves", "p", "canceled", canceled_at="2026-09-05")
    s.pay("leaves", "2026-09-01", 1)
    s.membership("stays", "p")
    s.pay("stays", "2026-09-01", 1)
    s.pays("stays", "09-08 10-08", 49)


def fee_is_one_time(a: Answer) -> None:
    assert a.moves() == [("2026-09-08", "new", Decimal(49))]
    assert a.total("trials_started") == 2
    assert a.total("trials_converted") == 1
    assert a.month("2026-09")["one_time_gross_usd"] == 2
    assert a.marts["churn_monthly"] == []
    assert a.subscription("stays")["trial_converted"] is True


def free_trial(s: Story) -> None:
    s.plan("p", 49, trial_period_days=7)
    s.membership("leaves", "p", "canceled", canceled_at="2026-09-05")
    s.pay("leaves", "2026-09-01", 0)
    s.membership("stays", "p")
    s.pay("stays", "2026-09-01", 0)
    s.pays("stays", "09-08 10-08", 49)


def whole_price_at_once(s: Story) -> None:
    """Who pays the whole price at once has decided: no fee."""
    s.plan("p", 49, trial_period_days=7)
    s.membership("m", "p")
    s.pays("m", "09-10 10-10", 49)


def gift_on_a_plan_without_trial(s: Story) -> None:
    s.plan("p", 49)
    s.membership("m", "p")
    s.pay("m", "2026-09-01", 0)
    s.pays("m", "10-01 10-31", 49)


def a_gift_is_no_customer(a: Answer) -> None:
    assert a.moves() == [("2026-10-01", "new", Decimal(49))]
    assert a.total("trials_started") == 0


def trial_fee_in_euro(s: Story) -> None:
    s.plan("p", 49, 365, currency="eur", initial_price=Decimal(5), trial_period_days=14)
    s.membership("m", "p")
    s.pay("m", "2026-09-01", 5, currency="eur", usd_total=Decimal("5.50"))
    s.pay("m", "2026-09-15", 49, currency="eur", usd_total=Decimal("58.80"))


def fee_in_euro_is_one_time(a: Answer) -> None:
    assert a.moves() == [("2026-09-15", "new", Decimal("4.9"))]
    assert a.month("2026-09")["one_time_gross_usd"] == Decimal("5.5")


# ---------------------------------------------------------------------- whole months


def lengths(pairs: dict[int, str]) -> Any:
    def tell(s: Story) -> None:
        for days, price in pairs.items():
            s.plan(f"d{days:04}", price, days)
            s.membership(f"d{days:04}", f"d{days:04}")
            s.pay(f"d{days:04}", "2026-10-31", price)

    return tell


def worth(*expected: str) -> Any:
    def check(a: Answer) -> None:
        rows = sorted(a.marts["fct_subscription_periods"], key=lambda r: r["membership_id"])
        assert [row["mrr_usd"] for row in rows] == [Decimal(text) for text in expected]

    return check


PARTS, TRIAL, WHOLE = "instalments", "paid trial", "whole months"

CASES = (
    Case(PARTS, "three times 100", three_times_100, one_time_revenue(600)),
    Case(PARTS, "yearly, in euro", yearly_instalments_in_euro, one_time_revenue(440)),
    Case(PARTS, "beside a subscription", beside_a_subscription, only_the_subscription),
    Case(PARTS, "a plan that became one", became_instalments, moved(("2026-08-10", "new", "50"))),
    Case(TRIAL, "a fee", paid_trial, fee_is_one_time),
    Case(TRIAL, "for nothing", free_trial, moved(("2026-09-08", "new", "49"))),
    Case(TRIAL, "the whole price", whole_price_at_once, moved(("2026-09-10", "new", "49"))),
    Case(TRIAL, "a gift", gift_on_a_plan_without_trial, a_gift_is_no_customer),
    Case(TRIAL, "a fee in euro, by the year", trial_fee_in_euro, fee_in_euro_is_one_time),
    Case(
        WHOLE,
        "30 a month",
        lengths({30: "30", 60: "60", 90: "90", 120: "120", 270: "270", 365: "360", 1095: "1080"}),
        worth(*["30"] * 7),
    ),
    Case(
        WHOLE,
        "edges",
        # One day outside of what n months can be, n whole months no longer: 30.4375 * n / d.
        lengths({27: "27", 28: "30", 31: "30", 32: "32", 55: "55", 56: "60", 62: "60", 63: "63"}),
        worth("30.4375", "30", "30", *["30.4375"] * 2, "30", "30", "30.4375"),
    ),
    Case(
        WHOLE,
        "weeks",
        lengths({7: "7", 14: "14", 45: "45", 336: "330", 372: "360"}),
        worth("30.4375", "30.4375", "30.4375", "30", "30"),
    ),
)
