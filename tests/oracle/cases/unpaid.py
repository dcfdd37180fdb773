"""Memberships that go on for nothing, or that nobody pays for."""

from __future__ import annotations

from decimal import Decimal

from oracle.cases.expect import expect
from oracle.cases.story import Answer, Case, Story, moment

# ---------------------------------------------------------------------- free since


def free_renewals(s: Story) -> None:
    s.code("all", 100, "forever")
    s.plan("p", 29)
    s.membership("m", "p")
    s.pay("m", "2026-03-01", 29)
    for day in ["04-01", "05-01", "06-01", "07-01", "08-01", "09-01", "10-01", "11-01"]:
        s.pay("m", f"2026-{day}", 0, promo_code__id="all")


def free_without_a_code(s: Story) -> None:
    s.plan("p", 29)
    s.membership("m", "p")
    s.pay("m", "2026-03-01", 29)
    s.pays("m", "04-01 05-01 06-01 07-01 08-01 09-01 10-01 11-01", 0)


def lifetime(s: Story) -> None:
    s.plan("p", 29)
    s.plan("ever", 299, None)
    s.membership("m", "p")
    s.pays("m", "03-01 04-01", 29)
    s.pay("m", "2026-05-01", 299, billing_reason="one_time", plan__id="ever")


def lifetime_too_late(s: Story) -> None:
    """Bought when the membership had been given up: it had churned before."""
    s.plan("p", 29)
    s.plan("ever", 299, None)
    s.membership("m", "p", "completed")
    s.pay("m", "2026-03-01", 29)
    s.pay("m", "2026-05-01", 299, billing_reason="one_time", plan__id="ever")


def lifetime_after_cancelling(s: Story) -> None:
    """Canceled, and a lifetime bought two days after the end: MRR ends with the period."""
    s.plan("p", 29)
    s.plan("ever", 299, None)
    s.membership("m", "p", "completed", canceled_at="2026-03-10")
    s.pay("m", "2026-03-01", 29)
    s.pay("m", "2026-04-02", 299, billing_reason="one_time", plan__id="ever")


def lifetime_on_another_membership(s: Story) -> None:
    s.plan("p", 29)
    s.plan("ever", 299, None)
    s.membership("m", "p", member__id="ann")
    s.pays("m", "08-31 09-30 10-30", 29)
    s.membership("other", "ever", "completed", member__id="ann")
    s.pay("other", "2026-10-01", 299, billing_reason="one_time")


def one_month_for_nothing(s: Story) -> None:
    """A code for one payment: the price comes back, so nothing has ended."""
    s.code("month", 100, "once")
    s.plan("p", 29)
    s.membership("m", "p")
    s.pay("m", "2026-08-31", 29)
    s.pay("m", "2026-09-30", 0, promo_code__id="month")
    s.pay("m", "2026-10-30", 29)


def free_year_in_euro(s: Story) -> None:
    """Free from the second year on; the free renewal has no rate."""
    s.code("all", 100, "forever")
    s.plan("p", 120, 365, currency="eur")
    s.membership("m", "p")
    s.pay("m", "2025-03-01", 120, currency="eur", usd_total=Decimal(132))
    s.pay("m", "2026-03-01", 0, currency="eur", promo_code__id="all")


# ---------------------------------------------------------------------- unpaid for months


def unpaid(s: Story) -> None:
    s.plan("p", 29)
    s.membership("a", "p", payment_collection_paused=True)
    s.pays("a", "03-01 03-31 04-30", 29)
    for name, status in (("b", "past_due"), ("c", "unresolved")):
        s.membership(name, "p", status)
        s.pay(name, "2026-03-01", 29)
        s.fails(name, "2026-03-31", 29)


def nobody_pays(a: Answer) -> None:
    expect(
        *(("2026-03-01", "new", 29), ("2026-03-01", "new", 29), ("2026-03-01", "new", 29)),
        *(("2026-04-14", "churn", -29), ("2026-04-14", "churn", -29)),
        ("2026-05-30", "churn", -29),
        why={
            "b": ("involuntary", "payment_failed"),
            "c": ("involuntary", "payment_failed"),
            "a": ("lapsed", "not_renewed"),
        },
    )(a)
    assert a.subscription("a")["is_paused"] is True
    assert a.subscription("b")["is_paused"] is False
    assert a.month("2026-11")["mrr_unpaid_usd"] == 0


def within_grace(s: Story) -> None:
    """The year was over a week ago: a customer still, whose money is not there yet."""
    s.plan("year", 120, 365)
    s.membership("late", "year", "past_due")
    s.pay("late", "2025-10-25", 120)
    s.fails("late", "2026-10-25", 120)
    s.membership("fine", "year")
    s.pay("fine", "2026-10-25", 120)


def unpaid_is_said(a: Answer) -> None:
    expect(("2025-10-25", "new", 10), ("2026-10-25", "new", 10), why={"late": None})(a)
    assert a.subscription("late")["is_unpaid"] is True
    assert a.subscription("fine")["is_unpaid"] is False
    assert a.month("2026-11")["mrr_unpaid_usd"] == 10
    assert a.month("2026-10")["mrr_unpaid_usd"] is None
    assert a.subscription("fine")["next_renewal_at"] == moment("2027-10-25")
    assert a.subscription("fine")["next_renewal_amount"] == 120


def recovered_in_time(s: Story) -> None:
    s.plan("p", 29)
    s.membership("m", "p")
    s.pay("m", "2026-08-25", 29)
    s.pay("m", "2026-10-08", 29, payments_failed=3)  # the last moment of grace
    s.membership("late", "p")
    s.pay("late", "2026-08-25", 29)
    s.pay("late", "2026-10-08T00:00:01", 29, payments_failed=3)


def given_up_while_tried(s: Story) -> None:
    """Canceled while the charge was being tried: it left on that day, for want of payment."""
    s.plan("p", 29)
    s.membership("m", "p", "canceled", canceled_at="2026-04-05", cancel_option="switching")
    s.pay("m", "2026-03-01", 29)
    s.fails("m", "2026-03-31", 29, "uncollectible")
    s.membership("quiet", "p", "canceled", canceled_at="2026-04-05", cancel_option="switching")
    s.pay("quiet", "2026-03-01", 29)


def canceled_in_an_earlier_life(s: Story) -> None:
    """Canceled in spring, back in summer: what was canceled then counts for nothing now."""
    s.plan("p", 29)
    s.membership("m", "p", canceled_at="2026-03-10")
    s.pays("m", "03-01 08-26 09-25", 29)  # and now late, but within the grace


def days_given_by_hand(s: Story) -> None:
    """Whoever was given a year counts for one more period of those who pay."""
    s.plan("p", 29)
    s.membership("m", "p", "canceled", canceled_at="2026-03-10", renewal_period_end="2027-03-01")
    s.pay("m", "2026-03-01", 29)
    s.membership("week", "p", "expired", renewal_period_end="2026-04-07")
    s.pay("week", "2026-03-01", 29)


FREE, UNPAID = "free since", "unpaid for months"
NEW_29 = ("2026-03-01", "new", 29)

CASES = (
    Case(
        *(FREE, "by a code for ever", free_renewals),
        expect(NEW_29, ("2026-04-01", "churn", -29), why={"m": ("free", "free_renewal")}),
    ),
    Case(
        *(FREE, "without a code", free_without_a_code),
        expect(NEW_29, ("2026-04-01", "churn", -29), why={"m": ("free", "free_renewal")}),
    ),
    Case(
        *(FREE, "by a lifetime plan", lifetime),
        expect(NEW_29, ("2026-05-01", "churn", -29), why={"m": ("free", "lifetime")}),
    ),
    Case(
        *(FREE, "by a lifetime plan, too late", lifetime_too_late),
        expect(NEW_29, ("2026-03-31", "churn", -29), why={"m": ("lapsed", "not_renewed")}),
    ),
    Case(
        *(FREE, "by a lifetime plan, after cancelling", lifetime_after_cancelling),
        expect(NEW_29, ("2026-03-31", "churn", -29), why={"m": ("free", "lifetime")}),
    ),
    Case(
        *(FREE, "elsewhere", lifetime_on_another_membership),
        expect(("2026-08-31", "new", 29), why={"m": None}),
    ),
    Case(
        *(FREE, "for one month", one_month_for_nothing),
        expect(("2026-08-31", "new", 29), why={"m": None}),
    ),
    Case(
        *(FREE, "by the year, in euro", free_year_in_euro),
        expect(
            *(("2025-03-01", "new", 11), ("2026-03-01", "churn", -11)),
            why={"m": ("free", "free_renewal")},
        ),
    ),
    Case(UNPAID, "paused, past due, unresolved", unpaid, nobody_pays),
    Case(UNPAID, "within the grace, by the year", within_grace, unpaid_is_said),
    Case(
        *(UNPAID, "recovered in time, and a second late", recovered_in_time),
        expect(
            *(("2026-08-25", "new", 29), ("2026-08-25", "new", 29)),
            why={"m": None, "late": None},
        ),
    ),
    Case(
        *(UNPAID, "given up while it was tried", given_up_while_tried),
        expect(
            *(NEW_29, NEW_29, ("2026-04-05", "churn", -29), ("2026-04-05", "churn", -29)),
            why={"m": ("involuntary", "payment_failed"), "quiet": ("voluntary", "switching")},
        ),
    ),
    Case(
        *(UNPAID, "canceled in an earlier life", canceled_in_an_earlier_life),
        expect(
            *(NEW_29, ("2026-03-31", "churn", -29), ("2026-08-26", "reactivation", 29)),
            why={"m": None},
        ),
    ),
    Case(
        *(UNPAID, "days given by hand", days_given_by_hand),
        expect(
            *(NEW_29, NEW_29, ("2026-04-21", "churn", -29), ("2026-04-30", "churn", -29)),
            why={"m": ("voluntary", "unspecified"), "week": ("lapsed", "not_renewed")},
        ),
    ),
)
