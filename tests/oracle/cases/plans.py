"""Plans that are edited, and memberships that change their plan."""

from __future__ import annotations

from decimal import Decimal

from oracle.cases.expect import moved
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


def joined_before_the_edit(s: Story) -> None:
    """The first charge comes after the edit, at the price that was agreed before it."""
    s.plan("a", 29, trial_period_days=7)
    s.membership("m", "a", created_at="2026-09-15")
    s.edited("a", "2026-09-20", "2026-09-19", renewal_price=Decimal(290), billing_period=365)
    s.pay("m", "2026-09-22", 29, billing_reason="subscription_cycle")
    s.pay("m", "2026-10-22", 29)


def longer_for_the_same_price(s: Story) -> None:
    """Thirty days became sixty, at one price: who paid for it since paid for the newer."""
    s.plan("a", 30)
    s.membership("m", "a")
    s.pay("m", "2026-08-25", 30)
    s.edited("a", "2026-09-10", "2026-09-09", billing_period=60)
    s.pay("m", "2026-09-24", 30)


def a_price_of_its_own(s: Story) -> None:
    """No version has this price: the payment goes on under the version of the one before."""
    s.plan("a", 29)
    s.membership("m", "a")
    s.pay("m", "2026-09-01", 29)
    s.edited("a", "2026-09-20", "2026-09-19", renewal_price=Decimal(290), billing_period=365)
    s.pay("m", "2026-10-01", 20)


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


EDIT, UPGRADE = "plan edited today", "upgrade paid by the difference"

CASES = (
    Case(
        EDIT,
        "a price of its own",
        a_price_of_its_own,
        moved(("2026-09-01", "new", "29"), ("2026-10-01", "contraction", "-9")),
    ),
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
    Case(
        EDIT, "joined before the edit", joined_before_the_edit, moved(("2026-09-22", "new", "29"))
    ),
    Case(
        EDIT,
        "longer for the same price",
        longer_for_the_same_price,
        moved(("2026-08-25", "new", "30"), ("2026-09-24", "contraction", "-15")),
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
)
