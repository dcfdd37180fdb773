"""Plans that are edited, changed, paid in parts, begun with a trial, or of odd lengths."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from oracle.cases.story import Answer, Case, Story, moment

MONTHS = "01-05 02-05 03-05 04-05 05-05 06-05 07-05 08-05 09-05 10-05"
EDITED = "2026-10-20T10:00"
SEEN = "2026-11-01"

# ---------------------------------------------------------------------- plan edited today


def four_plans(s: Story) -> None:
    for name, price in {"a": 29, "b": 49, "c": 99, "t": 10}.items():
        s.plan(name, price)
        s.membership(f"on_{name}", name)
        s.pays(f"on_{name}", MONTHS, price)
    s.membership("left", "b", "canceled", canceled_at="2026-03-20")
    s.pay("left", "2026-03-05", 49)
    s.edited("a", SEEN, EDITED, renewal_price=Decimal(290), billing_period=365)
    s.edited("b", SEEN, EDITED, renewal_price=Decimal(29))
    s.edited("c", SEEN, EDITED, plan_type="one_time", billing_period=None)
    s.edited("t", SEEN, EDITED, trial_period_days=7)


def yesterday_stays(a: Answer) -> None:
    assert a.month("2026-03", "mrr_monthly")["mrr_end_usd"] == 236
    assert a.month("2026-01", "mrr_monthly")["new_usd"] == 187
    assert a.total("trials_started") == 0
    assert a.mrr("2026-10-31") == 187


def keeps_the_old_price(s: Story) -> None:
    s.plan("a", 29)
    s.membership("old", "a")
    s.pays("old", "01-05 02-04 03-06", 29)
    s.edited("a", "2026-03-02", "2026-03-01", renewal_price=Decimal(49))
    s.membership("new", "a")
    s.pay("new", "2026-03-06", 49)


def annual_after_the_edit(s: Story) -> None:
    s.plan("a", 29)
    s.membership("old", "a")
    s.pays("old", "08-05 09-04 10-04", 29)
    s.edited("a", "2026-09-20", "2026-09-19", renewal_price=Decimal(290), billing_period=365)
    s.membership("new", "a")
    s.pay("new", "2026-09-25", 290)


def annual_from_the_edit_on(a: Answer) -> None:
    assert a.moves() == [
        ("2026-08-05", "new", Decimal(29)),
        ("2026-09-25", "new", Decimal("24.166667")),
    ]


def seen_later_than_dated(s: Story) -> None:
    """Whop's date lies before the sync that still saw the old version: the sync counts."""
    s.plan("a", 20, 30)
    s.membership("m", "a")
    s.pays("m", "08-01 08-31", 20)
    s.edited("a", "2026-10-01", "2024-01-01", billing_period=365)
    s.membership("late", "a")
    s.pay("late", "2026-09-30", 20)
    s.membership("after", "a")
    s.pay("after", "2026-10-02", 20)


def told_by_hand(s: Story) -> None:
    s.plan("a", 240, 365)
    s.tell(
        plan_id="a",
        valid_from=None,
        valid_to=moment("2026-06-01"),
        plan_type="renewal",
        billing_period_days=30,
        initial_price=Decimal(0),
        renewal_price=Decimal(20),
        currency="usd",
    )
    s.membership("old", "a", "expired")
    s.pays("old", "01-05 02-04 03-06 04-05", 20)
    s.membership("new", "a")
    s.pay("new", "2026-06-02", 240)


def told_by_hand_counts(a: Answer) -> None:
    assert a.mrr("2026-03-31") == 20
    assert a.mrr("2026-06-02") == 20
    assert a.total("new_usd", "mrr_monthly") == 40
    history = sorted(a.marts["plan_history"], key=lambda r: r["billing_period_days"])
    assert [(r["billing_period_days"], r["source"]) for r in history] == [
        (30, "given"),
        (365, "seen"),
    ]


def other_currency_since(s: Story) -> None:
    s.plan("a", 29)
    s.membership("old", "a")
    s.pays("old", "08-05 09-04 10-04", 29)
    s.edited("a", SEEN, EDITED, currency="eur", renewal_price=Decimal(25), billing_period=365)


# ---------------------------------------------------------------------- upgrade by the difference


def two_upgrades(s: Story) -> None:
    for name, price, days in (
        *(("annual", 240, 365), ("y480", 480, 365), ("monthly", 29, 30), ("m100", 100, 30)),
    ):
        s.plan(name, price, days)
    s.membership("one", "annual")
    s.pay("one", "2026-01-01", 240)
    s.pay("one", "2026-07-02", 120, billing_reason="subscription_update", plan__id="y480")
    s.membership("two", "m100")
    s.pay("two", "2026-08-01", 29, plan__id="monthly")
    s.pay("two", "2026-08-16", "35.50", billing_reason="subscription_update")
    s.pays("two", "08-31 09-30 10-30", 100)


def upgrades_are_expansions(a: Answer) -> None:
    assert a.moves() == [
        ("2026-01-01", "new", Decimal(20)),
        ("2026-07-02", "expansion", Decimal(20)),
        ("2026-08-01", "new", Decimal(29)),
        ("2026-08-16", "expansion", Decimal(71)),
    ]


def downgrade_for_nothing(s: Story) -> None:
    s.plan("y480", 480, 365)
    s.plan("annual", 240, 365)
    s.membership("m", "annual", "expired")
    s.pay("m", "2025-01-01", 480, plan__id="y480")
    s.pay("m", "2025-07-02", 0, billing_reason="subscription_update")


def to_another_length(s: Story) -> None:
    s.plan("monthly", 29)
    s.plan("annual", 240, 365)
    s.membership("m", "annual")
    s.pay("m", "2026-08-01", 29, plan__id="monthly")
    s.pay("m", "2026-08-16", "225.50", billing_reason="subscription_update")


def length_begins_anew(a: Answer) -> None:
    assert a.moves() == [
        ("2026-08-01", "new", Decimal(29)),
        ("2026-08-16", "contraction", Decimal(-9)),
    ]
    assert a.subscription("m")["paid_until"] == moment("2027-08-16")


def twice_in_one_period(s: Story) -> None:
    s.plan("p29", 29)
    s.plan("p49", 49)
    s.plan("p99", 99)
    s.membership("m", "p99", "canceled", canceled_at="2026-08-21")
    s.pay("m", "2026-08-01", 29, plan__id="p29")
    s.pay("m", "2026-08-11", "13.33", billing_reason="subscription_update", plan__id="p49")
    s.pay("m", "2026-08-21", "16.67", billing_reason="subscription_update")


def in_euro_with_a_code(s: Story) -> None:
    """25 euros less half for ever, at 1.10; the difference carries the code too."""
    euro = {"currency": "eur", "promo_code__id": "half"}
    s.code("half", 50, "forever")
    s.plan("p25", 25, currency="eur")
    s.plan("p75", 75, currency="eur")
    s.membership("m", "p75")
    s.pay("m", "2026-10-05", "12.50", plan__id="p25", usd_total=Decimal("13.75"), **euro)
    s.pay(
        "m",
        "2026-10-20",
        "12.50",
        billing_reason="subscription_update",
        usd_total=Decimal("15.00"),
        **euro,
    )


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


def moved(*moves: tuple[str, str, str]) -> Any:
    def check(a: Answer) -> None:
        assert a.moves() == [(day, kind, Decimal(change)) for day, kind, change in moves]

    return check


EDIT, UPGRADE = "plan edited today", "upgrade paid by the difference"
PARTS, TRIAL, WHOLE = "instalments", "paid trial", "whole months"

CASES = (
    Case(EDIT, "four plans", four_plans, yesterday_stays),
    Case(
        EDIT,
        "who is there keeps the old price",
        keeps_the_old_price,
        moved(
            *(("2026-01-05", "new", "29"), ("2026-03-06", "new", "49")),
            *(("2026-04-19", "churn", "-49"), ("2026-04-19", "churn", "-29")),
        ),
    ),
    Case(EDIT, "annual from the edit on", annual_after_the_edit, annual_from_the_edit_on),
    Case(
        EDIT,
        "seen later than dated",
        seen_later_than_dated,
        moved(
            *(("2026-08-01", "new", "20"), ("2026-09-30", "new", "20")),
            *(("2026-10-02", "new", "1.666667"), ("2026-10-14", "churn", "-20")),
        ),
    ),
    Case(EDIT, "told by hand", told_by_hand, told_by_hand_counts),
    Case(EDIT, "now in another currency", other_currency_since, moved(("2026-08-05", "new", "29"))),
    Case(UPGRADE, "two upgrades", two_upgrades, upgrades_are_expansions),
    Case(
        UPGRADE,
        "a downgrade for nothing",
        downgrade_for_nothing,
        moved(
            *(("2025-01-01", "new", "40"), ("2025-07-02", "contraction", "-20")),
            ("2026-01-15", "churn", "-20"),
        ),
    ),
    Case(UPGRADE, "to another length", to_another_length, length_begins_anew),
    Case(
        UPGRADE,
        "twice in one period",
        twice_in_one_period,
        moved(
            *(("2026-08-01", "new", "29"), ("2026-08-11", "expansion", "20")),
            *(("2026-08-21", "expansion", "50"), ("2026-08-31", "churn", "-99")),
        ),
    ),
    Case(
        UPGRADE,
        "in euro, with a code",
        in_euro_with_a_code,
        moved(("2026-10-05", "new", "13.75"), ("2026-10-20", "expansion", "31.25")),
    ),
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
