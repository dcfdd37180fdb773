"""The oracle against numbers worked out by hand, and the dbt models against the oracle."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from warehouse import Engine, Warehouse, duckdb_warehouse, postgres_warehouse

from oracle.businesses import SITUATIONS, businesses, situations
from oracle.oracle import Dataset, Marts, Row, Settings, compute, months_in

# ---------------------------------------------------------------------- numbers by hand


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def day(text: str) -> date:
    return date.fromisoformat(text)


def plan(plan_id: str = "plan_a", days: int | None = 30, price: str = "30", **row: Any) -> Row:
    return {
        "id": plan_id,
        "plan_type": "renewal" if days else "one_time",
        "billing_period": days,
        "renewal_price": Decimal(price),
        "currency": "usd",
        **row,
    }


def membership(membership_id: str = "mem_a", status: str = "expired", **row: Any) -> Row:
    return {"id": membership_id, "status": status, "plan__id": "plan_a", **row}


def paid(at: str, total: str = "30", in_: str = "mem_a", by: str = "ann", **row: Any) -> Row:
    return {
        "id": f"pay_{in_}_{at}",
        "status": "paid",
        "currency": "usd",
        "total": Decimal(total),
        "created_at": moment(at),
        "paid_at": moment(at),
        "membership__id": in_,
        "member__id": by,
        "plan__id": "plan_a",
        **row,
    }


def marts_of(
    *payments: Row,
    memberships: tuple[Row, ...] = (),
    plans: tuple[Row, ...] = (),
    refunds: tuple[Row, ...] = (),
    disputes: tuple[Row, ...] = (),
    as_of: str = "2024-06-30",
    **settings: Any,
) -> Marts:
    tables = {
        "payments": payments,
        "memberships": memberships or (membership(),),
        "plans": plans or (plan(),),
        "refunds": refunds,
        "disputes": disputes,
        "companies": ({"id": "biz"},),
    }
    dataset = {
        name: [{"company_id": "biz", "_whop_synced_at": moment(as_of), **row} for row in rows]
        for name, rows in tables.items()
    }
    return compute(dataset, Settings(**settings))


def row_of(rows: list[Row], **key: Any) -> Row:
    """The one row with these values."""
    found = [row for row in rows if all(row[name] == value for name, value in key.items())]
    assert len(found) == 1, f"{len(found)} rows with {key}"
    return found[0]


def moves(marts: Marts) -> list[tuple[str, str, int]]:
    return [
        (f"{row['movement_date']:%m-%d}", row["movement_type"], int(row["mrr_change_usd"]))
        for row in marts["mrr_movements"]
    ]


def worked_example() -> Marts:
    return marts_of(
        paid("2024-01-10"),
        paid("2024-02-09"),
        paid("2024-03-08", "60", in_="mem_b", plan__id="plan_b"),
        memberships=(membership(), membership("mem_b")),
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
    [(28, 1), (31, 1), (89, 3), (92, 3), (180, 6), (184, 6), (365, 12), (366, 12), (730, 24)],
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
    marts = marts_of(paid("2024-01-10"), paid("2024-02-23"))
    assert moves(marts) == [("01-10", "new", 30), ("03-24", "churn", -30)]
    late = marts_of(paid("2024-01-10"), paid("2024-02-23T00:00:00.001"))
    assert moves(late) == [
        ("01-10", "new", 30),
        ("02-09", "churn", -30),
        ("02-23", "reactivation", 30),
        ("03-24", "churn", -30),
    ]
    assert moves(marts_of(paid("2024-01-10"), paid("2024-02-23"), grace_days=13)) == moves(late)


def test_a_refund_in_full_ends_its_period_and_one_in_part_does_not() -> None:
    refund = {"refunded_at": moment("2024-01-20"), "refunded_amount": Decimal(30)}
    active = (membership(status="active"),)
    in_full = marts_of(paid("2024-01-10", **refund), memberships=active)
    assert moves(in_full) == [("01-10", "new", 30), ("01-20", "churn", -30)]
    in_part = {**refund, "refunded_amount": Decimal("29.99")}
    assert moves(marts_of(paid("2024-01-10", **in_part), memberships=active)) == [
        ("01-10", "new", 30)
    ]
    late = {**refund, "refunded_at": moment("2024-03-20")}
    assert moves(marts_of(paid("2024-01-10", **late))) == [
        ("01-10", "new", 30),
        ("02-09", "churn", -30),
    ]


@pytest.mark.parametrize(
    ("status", "renewal_period_end", "end"),
    [
        ("active", None, None),
        ("past_due", None, None),
        ("trialing", None, None),
        ("unresolved", None, None),
        ("canceling", None, "2024-02-09"),
        ("canceling", "2024-02-12", "2024-02-12"),
        ("canceling", "2024-02-01", "2024-02-09"),
        ("canceled", "2024-02-12", "2024-02-09"),
        ("completed", None, "2024-02-09"),
    ],
)
def test_the_status_ends_the_last_period(
    status: str, renewal_period_end: str | None, end: str | None
) -> None:
    until = moment(renewal_period_end) if renewal_period_end else None
    marts = marts_of(
        paid("2024-01-10"),
        memberships=(membership(status=status, renewal_period_end=until),),
    )
    assert marts["fct_subscription_periods"][0]["period_end"] == (moment(end) if end else None)
    assert marts["fct_subscriptions"][0]["is_active"] is (end is None)


def test_a_setup_fee_is_not_recurring() -> None:
    first = {"billing_reason": "subscription_create", "tax_amount": Decimal(9)}
    marts = marts_of(paid("2024-01-10", "79", **first), paid("2024-02-09", "30"))
    period = row_of(marts["fct_subscription_periods"], period_start=moment("2024-01-10"))
    assert (period["recurring_usd"], period["mrr_usd"]) == (30, 30)
    january = row_of(marts["metrics_monthly"], month=day("2024-01-01"))
    assert (january["gross_usd"], january["one_time_gross_usd"]) == (70, 40)
    euro = {"currency": "eur", "usd_total": Decimal("88.48")}  # fx 1.12
    marts = marts_of(
        paid("2024-01-10", "79", **first, **euro), plans=(plan(currency="eur", price="20"),)
    )
    assert marts["fct_subscription_periods"][0]["recurring_usd"] == Decimal("22.40")
    # A price in dollars says nothing about a payment in euros: 70 euros at 1.12, whole.
    marts = marts_of(paid("2024-01-10", "79", **first, **euro))
    assert marts["fct_subscription_periods"][0]["recurring_usd"] == Decimal("78.40")


def failed(at: str, status: str = "open", **row: Any) -> Row:
    return paid(at, **{"id": f"failed_{at}", "status": status, "paid_at": None, **row})


@pytest.mark.parametrize(
    ("state", "failure", "expected"),
    [
        ({}, None, ("lapsed", "not_renewed")),
        ({}, failed("2024-02-09"), ("involuntary", "payment_failed")),
        ({}, failed("2024-02-09", "void"), ("involuntary", "payment_failed")),
        ({}, failed("2024-02-09", "pending"), ("lapsed", "not_renewed")),
        ({}, failed("2024-01-09"), ("lapsed", "not_renewed")),  # before the last period
        (
            {"canceled_at": moment("2024-01-15"), "cancel_option": "switching"},
            failed("2024-02-09"),
            ("voluntary", "switching"),
        ),
        ({"canceled_at": moment("2024-01-15")}, None, ("voluntary", "unspecified")),
    ],
)
def test_why_a_membership_ended(state: Row, failure: Row | None, expected: tuple[str, str]) -> None:
    payments = [paid("2024-01-10"), *([failure] if failure else [])]
    marts = marts_of(*payments, memberships=(membership(**state),))
    subscription = marts["fct_subscriptions"][0]
    assert (subscription["churn_type"], subscription["churn_reason"]) == expected
    churned = marts["churn_monthly"][0]
    assert (churned["churn_type"], churned["churn_reason"]) == expected
    assert churned["customers_churned"] == 1


def test_churn_takes_the_type_of_the_membership_that_ended_last() -> None:
    canceled = membership("mem_b", canceled_at=moment("2024-01-11"))

    def types(*payments: Row) -> list[str]:
        marts = marts_of(*payments, memberships=(membership(), canceled))
        return [row["churn_type"] for row in marts["churn_monthly"]]

    # mem_b, canceled, ends an hour later; then at the same moment but smaller; then alike.
    assert types(paid("2024-01-10"), paid("2024-01-10T01:00", "1", in_="mem_b")) == ["voluntary"]
    assert types(paid("2024-01-10"), paid("2024-01-10", "29", in_="mem_b")) == ["lapsed"]
    assert types(paid("2024-01-10"), paid("2024-01-10", in_="mem_b")) == ["lapsed"]


def test_retention_of_the_members_of_the_start() -> None:
    # At the start of February ann 30, bob 60, cy 10; in it ann doubles, bob halves, cy leaves
    # and dee comes: nrr = (60 + 30 + 0) / 100, grr = (30 + 30 + 0) / 100, one of three left.
    names = {"ann": ("30", "60"), "bob": ("60", "30"), "cy": ("10", None)}
    payments = [paid("2024-02-20", "500", in_="mem_dee", by="dee")]
    for name, (before, after) in names.items():
        payments.append(paid("2024-01-10", before, in_=f"mem_{name}", by=name))
        if after:
            payments.append(paid("2024-02-09", after, in_=f"mem_{name}", by=name))
    marts = marts_of(
        *payments,
        memberships=tuple(membership(f"mem_{name}") for name in (*names, "dee")),
    )
    february = row_of(marts["metrics_monthly"], month=day("2024-02-01"))
    assert february["nrr"] == Decimal("0.9")
    assert february["grr"] == Decimal("0.6")
    assert round(february["logo_churn_rate"], 9) == Decimal("0.333333333")
    # Up 30 (ann) and 500 (dee), down 30 (bob) and 10 (cy); 590 from three customers.
    assert february["quick_ratio"] == Decimal(530) / 40
    assert round(february["ltv_usd"], 6) == 590
    january = row_of(marts["metrics_monthly"], month=day("2024-01-01"))
    assert january["nrr"] is january["grr"] is january["logo_churn_rate"] is None
    assert january["arr_usd"] == 1200


def recognition(**refund: Any) -> list[tuple[int, int]]:
    marts = marts_of(paid("2024-01-10", **refund), as_of="2024-03-31")
    return [
        (round(row["recognized_usd"], 20), round(row["deferred_end_usd"], 20))
        for row in marts["revenue_recognition_monthly"]
    ]


def test_recurring_revenue_is_earned_by_day() -> None:
    # One dollar a day from 01-10 to 02-08: 22 in January, 8 in February.
    assert recognition() == [(22, 8), (8, 0), (0, 0)]
    # Ten days are earned when the refund comes. Of the 20 left 5 are taken back, so that each of
    # the 20 days earns 0.75; or all of them, or 23, of which 3 were earned already.
    early = moment("2024-01-20")
    assert recognition(refunded_at=early, refunded_amount=Decimal(5)) == [(19, 6), (6, 0), (0, 0)]
    assert recognition(refunded_at=early, refunded_amount=Decimal(20)) == [(10, 0), (0, 0), (0, 0)]
    assert recognition(refunded_at=early, refunded_amount=Decimal(23)) == [(7, 0), (0, 0), (0, 0)]
    late = moment("2024-03-20")
    assert recognition(refunded_at=late, refunded_amount=Decimal(30)) == [(22, 8), (8, 0), (-30, 0)]


def refunded(*refunds: tuple[str, int], payment: Row | None = None) -> Marts:
    """A payment of 30 whose refunds Whop lists."""
    payment = payment or paid("2024-01-10")
    rows = [
        {
            "id": f"rfnd_{at}",
            "payment__id": payment["id"],
            "status": "succeeded",
            "currency": "usd",
            "amount": Decimal(amount),
            "created_at": moment(at),
        }
        for at, amount in refunds
    ]
    return marts_of(payment, as_of="2024-03-31", refunds=tuple(rows))


def test_each_refund_has_its_own_day() -> None:
    # The payment has one date for both.
    both = {"refunded_amount": Decimal(15), "refunded_at": moment("2024-02-20")}
    marts = refunded(("2024-01-20", 5), ("2024-02-20", 10), payment=paid("2024-01-10", **both))
    months = [(row["month"].month, row["refunded_usd"]) for row in marts["metrics_monthly"]]
    assert months == [(1, 5), (2, 10), (3, 0)]
    # What is not listed has the payment's date, and more than the payment says counts too.
    marts = refunded(("2024-01-20", 5), payment=paid("2024-01-10", **both))
    assert [row["refunded_usd"] for row in marts["metrics_monthly"]] == [5, 10, 0]
    marts = refunded(("2024-01-20", 30), payment=paid("2024-01-10", **both))
    assert [row["refunded_usd"] for row in marts["metrics_monthly"]] == [30, 0, 0]
    assert moves(marts) == [("01-10", "new", 30), ("01-20", "churn", -30)]


def test_several_refunds_come_off_one_after_the_other() -> None:
    # After 10 of 30 days 20 are deferred; 5 go back: 0.75 for each of the 20 days left. After 10
    # of those 7.50 are deferred; 10 go back, 2.50 of them earned; the last 4 all were.
    marts = refunded(("2024-01-20", 5), ("2024-01-30", 10), ("2024-03-05", 4))
    recognized = [round(row["recognized_usd"], 9) for row in marts["revenue_recognition_monthly"]]
    assert recognized == [15, 0, -4]


def test_a_listed_dispute_counts() -> None:
    payment = paid("2024-01-10", substatus="refunded")
    dispute = {"id": "dspt_1", "payment__id": payment["id"], "created_at": moment("2024-02-01")}
    disputed = marts_of(payment, disputes=(dispute,))
    assert disputed["fct_payments"][0]["is_disputed"]
    assert disputed["metrics_monthly"][0]["disputes"] == 1
    assert not marts_of(payment, disputes=(dispute,), as_of="2024-01-31")["fct_payments"][0][
        "is_disputed"
    ]


def test_one_time_revenue_is_earned_at_once() -> None:
    marts = marts_of(paid("2024-01-31", "99"), plans=(plan(days=None),), as_of="2024-02-01")
    assert [
        (row["recognized_usd"], row["deferred_end_usd"])
        for row in marts["revenue_recognition_monthly"]
    ] == [(99, 0), (0, 0)]
    assert marts["mrr_monthly"] == []
    assert marts["metrics_monthly"][0]["one_time_gross_usd"] == 99


def test_money_of_a_month() -> None:
    paid_abroad = {
        "currency": "eur",
        "settlement_currency": "eur",
        "usd_total": Decimal("60.00"),  # fx 1.2
        "tax_amount": Decimal(10),
        "amount_after_fees": Decimal("47.50"),
        "refunded_amount": Decimal(5),
        "refunded_at": moment("2024-02-01"),
    }
    unknown = {"currency": "eur", "settlement_currency": "usd"}
    marts = marts_of(paid("2024-01-10", "50", **paid_abroad), paid("2024-01-20", "50", **unknown))
    january = row_of(marts["metrics_monthly"], month=day("2024-01-01"))
    assert (january["gross_usd"], january["fees_usd"], january["net_usd"]) == (48, 3, 45)
    assert (january["payments_without_usd"], january["payments_without_fees"]) == (1, 1)
    february = row_of(marts["metrics_monthly"], month=day("2024-02-01"))
    assert (february["gross_usd"], february["refunded_usd"], february["net_usd"]) == (0, 6, -6)


def test_days_are_those_of_the_reporting_time_zone() -> None:
    payment = paid("2024-03-01T04:59:59.999")  # the last millisecond of February in New York
    months = {
        zone: marts_of(payment, reporting_timezone=zone)["mrr_monthly"][0]["month"].month
        for zone in ("UTC", "America/New_York", "Asia/Tokyo")
    }
    assert months == {"UTC": 3, "America/New_York": 2, "Asia/Tokyo": 3}


def test_as_of_only_clips() -> None:
    payments = (paid("2024-01-10"), paid("2024-02-20"))
    marts = marts_of(*payments, as_of="2024-02-15")
    # The payment of 02-20 is known, so 02-09 is no churn; but nothing of it is reported.
    assert moves(marts) == [("01-10", "new", 30)]
    assert len(marts["fct_subscription_periods"]) == 1
    assert sum(row["gross_usd"] for row in marts["metrics_monthly"]) == 30
    assert max(row["date"] for row in marts["mrr_daily"]) == day("2024-02-15")


def test_cohorts() -> None:
    marts = worked_example()
    rows = marts["cohort_retention_monthly"]
    assert [row["customers_retained"] for row in rows] == [1, 1, 1, 0, 0, 0]
    assert [row["mrr_retained_usd"] for row in rows] == [30, 30, 60, 0, 0, 0]
    # No fee is known, so net is gross.
    assert [row["cumulative_net_usd"] for row in rows] == [30, 60, 120, 120, 120, 120]


# ---------------------------------------------------------------------- many businesses

SEEDS = range(*map(int, os.environ.get("WHOP_ELT_TEST_SEEDS", "0:40").split(":")))
"""Businesses compared; `WHOP_ELT_TEST_SEEDS=100:400` tries others."""


@cache
def dataset() -> Dataset:
    return businesses(SEEDS)


@cache
def expected(settings: Settings, without: tuple[str, ...] = ()) -> Marts:
    tables = {table: rows for table, rows in dataset().items() if table not in without}
    return compute(tables, settings)


@dataclass(frozen=True)
class Variant:
    """Settings the models are built with."""

    name: str
    settings: Settings
    without: tuple[str, ...] = ()
    """Tables that were never synced."""

    def variables(self) -> dict[str, Any]:
        settings = self.settings
        given: dict[str, Any] = {
            "reporting_timezone": settings.reporting_timezone,
            "grace_days": settings.grace_days,
            "include_deleted": settings.include_deleted,
        }
        if settings.as_of:
            given["as_of"] = settings.as_of.isoformat()
        return {} if settings == Settings() else given


VARIANTS = (
    Variant("defaults", Settings()),
    Variant(
        "new_york_as_of_august",
        Settings(
            as_of=datetime(2024, 8, 15, 2, 30, tzinfo=UTC),
            reporting_timezone="America/New_York",
            include_deleted=True,
        ),
    ),
    Variant(
        "tokyo_grace_3",
        Settings(
            as_of=datetime(2024, 11, 30, 15, 0, tzinfo=UTC),
            reporting_timezone="Asia/Tokyo",
            grace_days=3,
        ),
    ),
    Variant(
        "lord_howe_grace_30",  # its clocks change by half an hour
        Settings(reporting_timezone="Australia/Lord_Howe", grace_days=30, include_deleted=True),
    ),
    # The last one: it empties the tables.
    Variant("payments_alone", Settings(), without=("refunds", "disputes")),
)


def test_the_businesses_hold_every_situation() -> None:
    found = situations(dataset())
    assert [name for name in SITUATIONS if not found[name]] == []
    assert found["companies in one dataset"] == len(SEEDS)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_what_always_holds(variant: Variant) -> None:
    """The sums that the definitions promise, on the oracle's own numbers."""
    marts = expected(variant.settings, variant.without)
    change: Counter[Any] = Counter()
    for row in marts["mrr_movements"]:
        change[row["company_id"], row["movement_date"]] += row["mrr_change_usd"]
    running: Counter[Any] = Counter()
    for row in sorted(marts["mrr_daily"], key=lambda row: (row["company_id"], row["date"])):
        running[row["company_id"]] += change[row["company_id"], row["date"]]
        assert running[row["company_id"]] == row["mrr_usd"]
    by_plan: Counter[Any] = Counter()
    for row in marts["mrr_daily_by_plan"]:
        by_plan[row["company_id"], row["date"]] += row["mrr_usd"]
    assert all(
        by_plan[row["company_id"], row["date"]] == row["mrr_usd"] for row in marts["mrr_daily"]
    )
    five = ("new_usd", "reactivation_usd", "expansion_usd", "contraction_usd", "churn_usd")
    churned: Counter[Any] = Counter()
    for row in marts["churn_monthly"]:
        churned[row["company_id"], row["month"]] += row["customers_churned"]
    for row in marts["mrr_monthly"]:
        assert row["mrr_start_usd"] + sum(row[name] for name in five) == row["mrr_end_usd"]
        came = row["customers_new"] + row["customers_reactivated"]
        left = row["customers_churned"]
        assert row["customers_start"] + came - left == row["customers_end"]
        assert churned[row["company_id"], row["month"]] == left
    net: Counter[Any] = Counter()
    for row in marts["revenue_daily"]:
        net[row["company_id"]] += row["gross_usd"] - row["refunded_usd"]
    for company_id in {row["company_id"] for row in marts["revenue_recognition_monthly"]}:
        rows = [r for r in marts["revenue_recognition_monthly"] if r["company_id"] == company_id]
        recognized = sum(row["recognized_usd"] for row in rows)
        assert abs(recognized + rows[-1]["deferred_end_usd"] - net[company_id]) < Decimal("1e-20")


# ---------------------------------------------------------------------- dbt against the oracle

KEYS: dict[str, tuple[str, ...]] = {
    "fct_payments": ("payment_id",),
    "fct_subscription_periods": ("payment_id",),
    "fct_subscriptions": ("membership_id",),
    "mrr_movements": ("member_id", "movement_date"),
    "mrr_monthly": ("month",),
    "mrr_daily": ("date",),
    "mrr_daily_by_plan": ("date", "product_id", "plan_id"),
    "churn_monthly": ("month", "churn_type", "churn_reason"),
    "metrics_monthly": ("month",),
    "cohort_retention_monthly": ("cohort_month", "months_since"),
    "revenue_recognition_monthly": ("month",),
    "revenue_daily": ("date", "product_id", "plan_id", "currency"),
    "dim_members": ("member_id",),
    "dim_products": ("product_id",),
    "dim_plans": ("plan_id",),
    "dim_promo_codes": ("promo_code_id",),
    "dim_companies": (),
    "data_freshness": ("table_name",),
    "membership_history": ("membership_id", "valid_from"),
}

EXACT = {"mrr_usd", "mrr_before_usd", "mrr_after_usd", "mrr_change_usd"}
RATIO = Decimal("1e-9")
MONEY = Decimal("1e-6")
SHOWN = 12
"""Differences printed per column of a mart; the rest is counted."""


def differs(column: str, ours: Any, theirs: Any) -> bool:
    """Whether two values are not the same number, day, moment or text."""
    if ours is None or theirs is None:
        return ours is not theirs
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is not theirs
    if isinstance(ours, Decimal | int):
        if not isinstance(theirs, Decimal | int | float):
            return True
        if column.endswith("_usd"):
            if isinstance(theirs, float):  # money is decimal, never float
                return True
            return abs(ours - theirs) > (0 if column in EXACT else MONEY)
        apart = abs(Decimal(ours) - Decimal(theirs))
        return apart > RATIO * max(1, abs(Decimal(ours)))
    return type(ours) is not type(theirs) or bool(ours != theirs)


def keyed(mart: str, rows: list[Row]) -> tuple[dict[tuple[Any, ...], Row], list[str]]:
    names = ("company_id", *KEYS[mart])
    by_key: dict[tuple[Any, ...], Row] = {}
    twice = []
    for row in rows:
        key = tuple(row.get(name) for name in names)
        if key in by_key:
            twice.append(f"{mart} {dict(zip(names, key, strict=True))}: key occurs twice")
        by_key[key] = row
    return by_key, twice


def differences(mart: str, oracle: list[Row], dbt: list[Row]) -> list[str]:
    """What is not the same, a line each: mart, seed, key, column, both values."""
    ours, twice = keyed(mart, oracle)
    theirs, doubled = keyed(mart, dbt)
    lines: dict[str, list[str]] = {"keys": twice + doubled}

    def place(key: tuple[Any, ...]) -> str:
        named = " ".join(f"{n}={k}" for n, k in zip(KEYS[mart], key[1:], strict=True))
        return f"{mart} seed={int(key[0][4:])} {named}"

    for key in ours.keys() - theirs.keys():
        lines.setdefault("missing", []).append(f"{place(key)}: row missing in dbt: {ours[key]}")
    for key in theirs.keys() - ours.keys():
        lines.setdefault("extra", []).append(f"{place(key)}: row only in dbt: {theirs[key]}")
    absent = {column for row in oracle[:1] for column in row} - {c for r in dbt[:1] for c in r}
    if dbt and absent:
        lines["columns"] = [f"{mart}: no column {', '.join(sorted(absent))}"]
    for key in ours.keys() & theirs.keys():
        for column, value in ours[key].items():
            if column not in absent and differs(column, value, theirs[key][column]):
                lines.setdefault(column, []).append(
                    f"{place(key)} {column}: oracle {value!s} dbt {theirs[key][column]!s}"
                )
    report = []
    for found in lines.values():
        report += sorted(found)[:SHOWN]
        if len(found) > SHOWN:
            report.append(f"... and {len(found) - SHOWN} more like these")
    return report


@pytest.mark.parametrize(
    ("column", "value", "seen"),
    [
        ("mrr_usd", Decimal("30.000001"), True),
        ("mrr_usd", Decimal("30.000000"), False),
        ("mrr_usd", 30.0, True),  # money as a float
        ("mrr_usd", None, True),
        ("customers", 2, True),
        ("date", datetime(2024, 1, 10), True),
    ],
)
def test_a_difference_is_seen(column: str, value: Any, seen: bool) -> None:
    row = {"company_id": "biz_0007", "date": day("2024-01-10"), "mrr_usd": Decimal(30)}
    row["customers"] = 1
    found = differences("mrr_daily", [row], [{**row, column: value}])
    assert bool(found) is seen
    assert all(line.startswith("mrr_daily") and "seed=7" in line for line in found)


def test_a_row_missing_twice_or_too_many_is_seen() -> None:
    row = {"company_id": "biz_0007", "date": day("2024-01-10"), "mrr_usd": Decimal(30)}
    other = {**row, "date": day("2024-01-11")}
    assert len(differences("mrr_daily", [row, other], [row])) == 1
    assert len(differences("mrr_daily", [row], [row, other])) == 1
    assert len(differences("mrr_daily", [row], [row, dict(row)])) == 1
    without = {name: value for name, value in row.items() if name != "mrr_usd"}
    assert differences("mrr_daily", [row], [without]) == ["mrr_daily: no column mrr_usd"]


def build(warehouse: Warehouse, variant: Variant) -> Marts:
    if variant.without:
        warehouse.execute(*(f"delete from whop_raw.{table}" for table in variant.without))
    # Models only: the project's data tests have a suite of their own.
    warehouse.dbt("run", variables=variant.variables())
    return {mart: warehouse.read(mart) for mart in KEYS}


@pytest.fixture(scope="module")
def built(
    postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Engine, Variant], Marts]]:
    """The marts of every engine and variant; both engines are built side by side."""
    name = f"oracle_{uuid.uuid4().hex[:12]}"
    admin = psycopg2.connect(postgres_server)
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"create database {name}")
    work = tmp_path_factory.mktemp("oracle")
    url = urlunsplit(urlsplit(postgres_server)._replace(path=f"/{name}"))
    warehouses = (
        duckdb_warehouse(work / "whop.duckdb", work=work / "duckdb"),
        postgres_warehouse(url, work=work / "postgres"),
    )
    results: dict[tuple[Engine, str], Future[Marts]] = {}
    with ThreadPoolExecutor(1) as duckdb, ThreadPoolExecutor(1) as postgres:
        for warehouse, pool in zip(warehouses, (duckdb, postgres), strict=True):
            warehouse.load(dataset())
            for variant in VARIANTS:
                results[warehouse.engine, variant.name] = pool.submit(build, warehouse, variant)
        yield lambda engine, variant: results[engine, variant.name].result()
        for future in results.values():
            future.cancel()
    with admin.cursor() as cursor:
        cursor.execute(f"drop database {name} with (force)")
    admin.close()


@pytest.mark.parametrize("mart", KEYS)
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_dbt_agrees_with_the_oracle(
    built: Callable[[Engine, Variant], Marts], engine: Engine, variant: Variant, mart: str
) -> None:
    wanted = expected(variant.settings, variant.without)[mart]
    found = differences(mart, wanted, built(engine, variant)[mart])
    assert not found, f"{engine}, {variant.name}:\n" + "\n".join(found)
