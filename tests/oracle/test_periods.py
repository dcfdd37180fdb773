"""The oracle against numbers worked out by hand: periods, MRR, churn."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from oracle.basics import Marts, Row, Settings, months_in
from oracle.by_hand import day, marts_of, membership, moment, moves, paid, plan, row_of


def worked_example() -> Marts:
    return marts_of(
        paid("2024-01-10"),
        paid("2024-02-09"),
        paid("2024-03-08", "60", in_="mem_b", plan__id="plan_b"),
        memberships=(
            membership(status="canceled", canceled_at=moment("2024-03-08")),
            membership("mem_b", status="canceled", canceled_at=moment("2024-03-20")),
        ),
        plans=(plan(), plan("plan_b", price="60")),
    )


def test_worked_example() -> None:
    marts = worked_example()
    assert [
        (row["period_start"], row["period_end"], row["mrr_usd"])
        for row in marts["fct_subscription_periods"]
    ] == [
        (moment("2024-01-10"), moment("2024-02-09"), 30),
        (moment("2024-02-09"), moment("2024-03-10"), 30),
        (moment("2024-03-08"), moment("2024-04-07"), 60),
    ]
    mrr = {row["date"]: row["mrr_usd"] for row in marts["mrr_daily"]}
    assert min(mrr) == day("2024-01-10")
    assert max(mrr) == day("2024-06-30")
    assert mrr[day("2024-03-07")] == 30
    assert mrr[day("2024-03-08")] == mrr[day("2024-03-09")] == 90
    assert mrr[day("2024-03-10")] == mrr[day("2024-04-06")] == 60
    assert mrr[day("2024-04-07")] == 0
    assert moves(marts) == [
        ("01-10", "new", 30),
        ("03-08", "expansion", 60),
        ("03-10", "contraction", -30),
        ("04-07", "churn", -60),
    ]
    march = row_of(marts["mrr_monthly"], month=day("2024-03-01"))
    assert (march["mrr_start_usd"], march["expansion_usd"]) == (30, 60)
    assert (march["contraction_usd"], march["mrr_end_usd"]) == (-30, 60)
    assert [row["month"].month for row in marts["mrr_monthly"]] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("days", "months"),
    [(28, 1), (31, 1), (60, 2), (89, 3), (92, 3), (93, 3), (180, 6), (184, 6), (365, 12)],
)
def test_calendar_periods_are_whole_months(days: int, months: int) -> None:
    assert months_in(days) == months


def test_mrr_of_odd_periods_is_rounded_to_six_decimals() -> None:
    weekly = marts_of(paid("2024-01-10", "7"), plans=(plan(days=7, price="7"),))
    # 7 / (7 / 30.4375) = 30.4375; 10 / (27 / 30.4375) = 11.2731481481...
    assert weekly["fct_subscription_periods"][0]["mrr_usd"] == Decimal("30.437500")
    odd = marts_of(paid("2024-01-10", "10"), plans=(plan(days=27, price="10"),))
    assert odd["fct_subscription_periods"][0]["mrr_usd"] == Decimal("11.273148")


def test_a_retry_within_grace_is_not_churn() -> None:
    # Natural end 02-09; the last moment of grace is 02-23 at the same time of day.
    wavering = (membership(status="active", canceled_at=moment("2024-01-15")),)
    end = ("04-07", "churn", -30)  # natural end 03-24, and the grace
    marts = marts_of(paid("2024-01-10"), paid("2024-02-23"), memberships=wavering)
    assert moves(marts) == [("01-10", "new", 30), end]
    late = paid("2024-02-23T00:00:00.001")
    marts = marts_of(paid("2024-01-10"), late, memberships=wavering)
    gap = [("01-10", "new", 30), ("02-09", "churn", -30), ("02-23", "reactivation", 30)]
    assert moves(marts) == [*gap, end]
    marts = marts_of(
        *(paid("2024-01-10"), paid("2024-02-23")),
        memberships=wavering,
        settings=Settings(grace_days=13),
    )
    assert moves(marts) == [*gap, ("04-06", "churn", -30)]


GIVEN_UP = "2024-02-23"
"""The natural end, 2024-02-09, and fourteen days."""


@pytest.mark.parametrize(
    ("state", "end"),
    [
        *(({"status": status}, GIVEN_UP) for status in ("active", "trialing", "past_due")),
        *(({"status": status}, GIVEN_UP) for status in ("unresolved", "expired", "unheard_of")),
        *(({"status": status}, "2024-02-09") for status in ("canceling", "canceled", "completed")),
        ({"status": "active", "cancel_at_period_end": True}, "2024-02-09"),
        ({"status": "active", "payment_collection_paused": True}, "2024-02-09"),
        # The membership's own end, when it is later, and by one more period at most.
        ({"status": "active", "renewal_period_end": "2024-02-12"}, "2024-02-26"),
        ({"status": "canceling", "renewal_period_end": "2024-02-12"}, "2024-02-12"),
        ({"status": "canceling", "renewal_period_end": "2024-02-01"}, "2024-02-09"),
        ({"status": "canceled", "renewal_period_end": "2024-06-12"}, "2024-03-10"),
        # Canceled while it was paid for, while the charge was tried, later, in an earlier life.
        ({"status": "expired", "canceled_at": "2024-01-10"}, "2024-02-09"),
        ({"status": "expired", "canceled_at": "2024-02-09"}, "2024-02-09"),
        ({"status": "canceled", "canceled_at": "2024-02-15"}, "2024-02-15"),
        ({"status": "canceled", "canceled_at": "2024-03-20"}, GIVEN_UP),
        ({"status": "active", "canceled_at": "2024-01-05"}, GIVEN_UP),
        ({"status": "canceled", "canceled_at": "2024-01-05"}, "2024-02-09"),
        ({"status": "active", "_whop_deleted_at": "2024-03-01"}, "2024-02-09"),
        (None, "2024-02-09"),
    ],
)
def test_where_the_last_period_ends(state: Row | None, end: str) -> None:
    times = ("canceled_at", "renewal_period_end", "_whop_deleted_at")
    row: Row = {k: moment(v) if k in times else v for k, v in (state or {}).items()}
    memberships = () if state is None else (membership(**row),)
    marts = marts_of(paid("2024-01-10"), memberships=memberships)
    assert marts["fct_subscription_periods"][0]["period_end"] == moment(end)


def test_the_end_of_an_earlier_period_is_what_its_states_showed() -> None:
    def state(seen: str, end: str) -> Row:
        shown = moment(end)
        return {**membership(), "renewal_period_end": shown, "_whop_synced_at": moment(seen)}

    def ends(*states: Row) -> list[str]:
        # Five weeks after the natural end, 02-09: a gap, unless days were given by hand.
        canceled = membership(status="active", canceled_at=moment("2024-01-15"))
        marts = marts_of(
            *(paid("2024-01-10"), paid("2024-03-15")),
            memberships=(canceled,),
            membership_states=states,
        )
        return [f"{row['period_end']:%m-%d}" for row in marts["fct_subscription_periods"]]

    assert ends() == ["02-09", "04-28"]
    assert ends(state("2024-02-01", "2024-02-20")) == ["02-20", "04-28"]
    assert ends(state("2024-02-01", "2024-03-02")) == ["03-15", "04-28"]
    # Capped at one more period; and what was seen later, or before it began, says nothing.
    assert ends(state("2024-02-01", "2025-01-01")) == ["03-15", "04-28"]
    assert ends(state("2024-03-16", "2024-03-02")) == ["02-09", "04-28"]
    assert ends(state("2024-01-09", "2024-03-02")) == ["02-09", "04-28"]


@pytest.mark.parametrize(
    ("status", "amount", "at", "end"),
    [
        ("expired", "30", "2024-01-20", "2024-01-20"),
        ("active", "30", "2024-01-20", GIVEN_UP),
        ("trialing", "30", "2024-01-20", GIVEN_UP),
        ("past_due", "30", "2024-01-20", "2024-01-20"),
        # 20 of 30 days are left, worth 20: 18 is nine tenths of it.
        ("expired", "18", "2024-01-20", "2024-01-20"),
        ("expired", "17.99", "2024-01-20", GIVEN_UP),
        ("active", "18", "2024-01-20", GIVEN_UP),
        # Later than the end that it would have had.
        ("expired", "30", "2024-03-20", GIVEN_UP),
        ("expired", "30", "2024-02-20", "2024-02-20"),
        # In part after the natural end, where nothing is left to earn.
        ("expired", "18", "2024-02-10", GIVEN_UP),
        # Dated before its payment by whoever was wrong.
        ("expired", "30", "2024-01-01", "2024-01-10"),
    ],
)
def test_where_a_refund_ends_a_period(status: str, amount: str, at: str, end: str) -> None:
    refund: Row = {"refunded_at": moment(at), "refunded_amount": Decimal(amount)}
    marts = marts_of(paid("2024-01-10", **refund), memberships=(membership(status=status),))
    assert marts["fct_subscription_periods"][0]["period_end"] == moment(end)
    # Whoever pays on goes on.
    marts = marts_of(paid("2024-01-10", **refund), paid("2024-02-09"))
    assert marts["fct_subscription_periods"][0]["period_end"] == moment("2024-02-09")


def test_a_setup_fee_is_not_recurring() -> None:
    first: Row = {"billing_reason": "subscription_create", "tax_amount": Decimal(9)}
    marts = marts_of(paid("2024-01-10", "79", **first), paid("2024-02-09", "30"))
    period = row_of(marts["fct_subscription_periods"], period_start=moment("2024-01-10"))
    assert (period["recurring_usd"], period["mrr_usd"]) == (30, 30)
    january = row_of(marts["metrics_monthly"], month=day("2024-01-01"))
    assert (january["gross_usd"], january["one_time_gross_usd"]) == (70, 40)
    euro: Row = {"currency": "eur", "usd_total": Decimal("88.48")}  # fx 1.12
    marts = marts_of(
        paid("2024-01-10", "79", **first, **euro), plans=(plan(currency="eur", price="20"),)
    )
    assert marts["fct_subscription_periods"][0]["recurring_usd"] == Decimal("22.40")
    # A price in dollars says nothing about a payment in euros: 70 euros at 1.12, whole.
    marts = marts_of(paid("2024-01-10", "79", **first, **euro))
    assert marts["fct_subscription_periods"][0]["recurring_usd"] == Decimal("78.40")


def test_an_introductory_price_does_not_come_back() -> None:
    first = paid("2024-01-10", "9", billing_reason="subscription_create")
    marts = marts_of(first, paid("2024-02-09", "30"))
    assert moves(marts)[0] == ("01-10", "new", 30)
    assert marts["fct_subscription_periods"][0]["recurring_usd"] == 9


def code(**row: Any) -> Row:
    return {"id": "code", "promo_type": "percentage", "amount_off": Decimal(50), **row}


@pytest.mark.parametrize(
    ("promo", "own", "days", "total", "price"),
    [
        ({"duration": "once"}, {}, 30, "15", "30"),
        ({"duration": "forever"}, {}, 30, "15", "15"),
        ({"duration": "repeating", "promo_duration_months": 1}, {}, 30, "15", "30"),
        ({"duration": "repeating", "promo_duration_months": 2}, {}, 30, "15", "15"),
        ({"duration": "repeating", "promo_duration_months": 3}, {}, 90, "15", "30"),
        ({"duration": "repeating", "promo_duration_months": 4}, {}, 90, "15", "15"),
        # One interval, whatever the code's row says of it today.
        ({"duration": "forever"}, {"promo_code__number_of_intervals": 1}, 30, "15", "30"),
        # What the payment says of the code comes first: it was another one then.
        ({"duration": "forever"}, {"promo_code__amount_off": Decimal(20)}, 30, "24", "24"),
        ({"duration": "forever", "promo_type": "flat_amount"}, {}, 30, "0", "0"),
        ({"duration": "forever", "_whop_deleted_at": "gone"}, {}, 30, "15", "15"),
    ],
)
def test_which_codes_come_back(promo: Row, own: Row, days: int, total: str, price: str) -> None:
    first: Row = {"billing_reason": "subscription_create", "promo_code__id": "code", **own}
    marts = marts_of(
        paid("2024-01-10", total, **first),
        plans=(plan(days=days),),
        promo_codes=(code(**promo),),
    )
    assert marts["fct_subscription_periods"][0]["recurring_price"] == Decimal(price)


@pytest.mark.parametrize(
    ("currency", "price", "off", "rounded"),
    [
        ("usd", "29.99", "33", "20.09"),  # 20.0933
        ("usd", "30.01", "50", "15.01"),  # 15.005
        ("jpy", "4999", "50", "2500"),  # 2499.5
        ("btc", "0.000000003", "50", "0.000000002"),
    ],
)
def test_a_code_leaves_a_price_that_can_be_paid(
    currency: str, price: str, off: str, rounded: str
) -> None:
    first: Row = {"billing_reason": "subscription_create", "promo_code__id": "code"}
    marts = marts_of(
        paid("2024-01-10", rounded, currency=currency, usd_total=Decimal(20), **first),
        plans=(plan(price=price, currency=currency),),
        promo_codes=(code(duration="forever", amount_off=Decimal(off)),),
    )
    assert marts["fct_subscription_periods"][0]["recurring_price"] == Decimal(rounded)


def test_a_price_that_holds_its_tax_comes_back_without_it() -> None:
    taxed: Row = {"tax_behavior": "inclusive", "tax_amount": Decimal(5)}
    create: Row = {"billing_reason": "subscription_create", **taxed}
    marts = marts_of(paid("2024-01-10", "30", **create), paid("2024-02-09", "30", **taxed))
    assert [row["mrr_usd"] for row in marts["fct_subscription_periods"]] == [25, 25]
    # With a set-up fee of 30 the tax is 10: five sixths of the price come back.
    marts = marts_of(paid("2024-01-10", "60", **{**create, "tax_amount": Decimal(10)}))
    assert marts["fct_subscription_periods"][0]["mrr_usd"] == 25


def test_cohorts() -> None:
    marts = worked_example()
    rows = marts["cohort_retention_monthly"]
    assert [row["customers_retained"] for row in rows] == [1, 1, 1, 0, 0, 0]
    assert [row["mrr_retained_usd"] for row in rows] == [30, 30, 60, 0, 0, 0]
    # No fee is known, so net is gross.
    assert [row["cumulative_net_usd"] for row in rows] == [30, 60, 120, 120, 120, 120]
    by_plan = marts["cohort_retention_monthly_by_plan"]
    assert [row["mrr_retained_usd"] for row in by_plan] == [30, 30, 60, 0, 0, 0]
    assert {row["plan_id"] for row in by_plan} == {"plan_a"}


def test_as_of_only_clips() -> None:
    payments = (paid("2024-01-10"), paid("2024-02-20"))
    marts = marts_of(*payments, as_of="2024-02-15")
    # The payment of 02-20 is known, so 02-09 is no churn; but nothing of it is reported.
    assert moves(marts) == [("01-10", "new", 30)]
    assert len(marts["fct_subscription_periods"]) == 1
    assert sum(row["gross_usd"] for row in marts["metrics_monthly"]) == 30
    assert max(row["date"] for row in marts["mrr_daily"]) == day("2024-02-15")
    # What ends later today has not ended yet.
    tonight = marts_of(paid("2024-01-10T20:00"), memberships=(), as_of="2024-02-09T12:00")
    assert moves(tonight) == [("01-10", "new", 30)]
    assert tonight["fct_subscriptions"][0]["is_active"] is True


def test_segments_are_parts_of_the_whole() -> None:
    french: Row = {"billing_address__country": "FR"}
    marts = marts_of(
        paid("2024-01-10", **french),
        paid("2024-02-09", "60", plan__id="plan_b", **french),
        paid("2024-01-20", in_="mem_b", by="bob"),
        memberships=(membership(), membership("mem_b")),
        plans=(plan(), plan("plan_b", price="60")),
        as_of="2024-02-29",
    )
    daily = marts["mrr_daily_by_segment"]
    last = {(r["dimension"], r["value"]): r for r in daily if r["date"] == day("2024-02-29")}
    assert last["country", "FR"]["mrr_usd"] == last["plan", "plan_b"]["mrr_usd"] == 60
    assert last["country", "none"]["mrr_usd"] == last["plan", "plan_a"]["mrr_usd"] == 30
    assert last["currency", "usd"]["mrr_usd"] == last["acquisition_month", "2024-01"]["mrr_usd"]
    assert (last["currency", "usd"]["mrr_usd"], last["currency", "usd"]["customers"]) == (90, 2)
    monthly = marts["mrr_monthly_by_segment"]
    january = row_of(monthly, month=day("2024-01-01"), dimension="plan", value="plan_a")
    assert (january["new_usd"], january["expansion_usd"]) == (60, 0)
    february = row_of(monthly, month=day("2024-02-01"), dimension="plan", value="plan_a")
    # Who moves to another plan takes 30 along and brings 60 there: +60 and -30 are the 30.
    assert (february["mrr_start_usd"], february["contraction_usd"]) == (60, -30)
    february = row_of(monthly, month=day("2024-02-01"), dimension="plan", value="plan_b")
    assert (february["expansion_usd"], february["new_usd"]) == (60, 0)
    france = row_of(
        marts["metrics_monthly_by_segment"],
        month=day("2024-02-01"),
        dimension="country",
        value="FR",
    )
    assert (france["nrr"], france["gross_usd"]) == (2, 60)
