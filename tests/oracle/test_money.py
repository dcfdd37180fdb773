"""The oracle against numbers worked out by hand: gross, refunds, charge-backs, recognition."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from oracle.basics import Marts, Row, Settings
from oracle.by_hand import day, marts_of, moment, moves, paid, plan, row_of


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
    # A lost dispute takes what was not earned, and what was.
    lost = {"substatus": "dispute_lost", "dispute_alerted_at": early}
    assert recognition(**lost) == [(0, 0), (0, 0), (0, 0)]


def test_an_upgrade_is_earned_until_the_period_it_cuts_into_ends() -> None:
    # 15 days are left of the 30 paid on 01-10: a dollar a day, and a dollar a day on top.
    marts = marts_of(
        paid("2024-01-10"),
        paid("2024-01-25", "15", plan__id="plan_b", billing_reason="subscription_update"),
        plans=(plan(), plan("plan_b", price="60")),
        as_of="2024-03-31",
    )
    assert [round(r["recognized_usd"], 9) for r in marts["revenue_recognition_monthly"]] == [
        *(29, 16, 0),
    ]


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
    both: Row = {"refunded_amount": Decimal(15), "refunded_at": moment("2024-02-20")}
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


@pytest.mark.parametrize(
    ("row", "refunded_usd"),
    [
        # 36 with 6 of tax: half of it back is 18, of which 3 were tax.
        ({"refunded_amount": Decimal(18)}, 15),
        ({"refunded_amount": Decimal(36)}, 30),
        ({"refunded_amount": Decimal(18), "tax_refunded_amount": Decimal(0)}, 18),
        ({"refunded_amount": Decimal(18), "tax_refunded_amount": Decimal(6)}, 12),
        ({"auto_refunded": True}, 30),
        ({"substatus": "auto_refunded", "refunded_amount": Decimal(0)}, 30),
        ({"auto_refunded": True, "refunded_amount": Decimal(18)}, 15),
        ({"auto_refunded": False}, 0),
    ],
)
def test_a_refund_is_counted_without_its_tax(row: Row, refunded_usd: int) -> None:
    marts = marts_of(paid("2024-01-10", "36", tax_amount=Decimal(6), **row))
    january = row_of(marts["metrics_monthly"], month=day("2024-01-01"))
    assert january["refunded_usd"] == refunded_usd
    assert january["net_usd"] == 30 - refunded_usd


def test_the_tax_that_went_back_is_shared_by_the_refunds() -> None:
    # 36 with 6 of tax, all of it given back: 9 in January hold 1.50 of it, 27 in February 4.50.
    taxed = paid("2024-01-10", "36", tax_amount=Decimal(6), tax_refunded_amount=Decimal(6))
    marts = refunded(("2024-01-20", 9), ("2024-02-20", 27), payment=taxed)
    months = [(row["month"].month, row["refunded_usd"]) for row in marts["metrics_monthly"]]
    assert months == [(1, Decimal("7.5")), (2, Decimal("22.5")), (3, 0)]


def lost(amount: str | None, at: str | None = "2024-02-01", **row: Any) -> Row:
    return {
        "id": f"dspt_{amount}_{at}",
        "payment__id": "pay_mem_a_2024-01-10",
        "status": "lost",
        "amount": None if amount is None else Decimal(amount),
        "currency": "usd",
        "created_at": moment(at) if at else None,
        **row,
    }


@pytest.mark.parametrize(
    ("disputes", "row", "taken"),
    [
        ((lost("36"),), {}, {2: 30}),
        ((lost("18"),), {}, {2: 15}),
        ((lost(None),), {}, {2: 30}),
        ((lost("18", status="won"),), {"substatus": "dispute_lost"}, {}),
        ((lost("36"),), {"refunded_amount": Decimal("7.20")}, {2: 24}),
        ((lost("24"), lost("24", "2024-03-01")), {}, {2: 20, 3: 10}),
        ((lost("36", None),), {"dispute_alerted_at": moment("2024-03-05")}, {3: 30}),
        ((lost("36", None),), {}, {1: 30}),
        ((), {"substatus": "dispute_lost"}, {1: 30}),
        ((lost("36"),), {"status": "void"}, {}),
        ((lost("99", currency="gbp"),), {}, {2: 30}),
    ],
)
def test_what_a_lost_dispute_takes(
    disputes: tuple[Row, ...], row: Row, taken: dict[int, int]
) -> None:
    payment = paid("2024-01-10", "36", tax_amount=Decimal(6), **row)
    marts = marts_of(payment, disputes=disputes, as_of="2024-03-31")
    months = {r["month"].month: r["charged_back_usd"] for r in marts["metrics_monthly"]}
    assert {month: usd for month, usd in months.items() if usd} == taken
    for month in marts["metrics_monthly"]:
        back = month["refunded_usd"] + month["charged_back_usd"] + month["fees_usd"]
        assert month["net_usd"] == month["gross_usd"] - back


def test_a_listed_dispute_counts() -> None:
    payment = paid("2024-01-10", substatus="refunded")
    dispute = {"id": "dspt_1", "payment__id": payment["id"], "created_at": moment("2024-02-01")}
    disputed = marts_of(payment, disputes=(dispute,))
    assert disputed["fct_payments"][0]["is_disputed"]
    assert disputed["metrics_monthly"][0]["disputes"] == 1
    before = marts_of(payment, disputes=(dispute,), as_of="2024-01-31")
    assert not before["fct_payments"][0]["is_disputed"]


def test_one_time_revenue_is_earned_at_once() -> None:
    marts = marts_of(paid("2024-01-31", "99"), plans=(plan(days=None),), as_of="2024-02-01")
    assert [
        (row["recognized_usd"], row["deferred_end_usd"])
        for row in marts["revenue_recognition_monthly"]
    ] == [(99, 0), (0, 0)]
    assert marts["mrr_monthly"] == []
    assert marts["metrics_monthly"][0]["one_time_gross_usd"] == 99


def test_money_of_a_month() -> None:
    paid_abroad: Row = {
        "currency": "eur",
        "settlement_currency": "eur",
        "usd_total": Decimal("60.00"),  # fx 1.2
        "tax_amount": Decimal(10),
        "amount_after_fees": Decimal("47.50"),
        "refunded_amount": Decimal(5),  # one of them tax
        "refunded_at": moment("2024-02-01"),
    }
    unknown: Row = {"currency": "eur", "settlement_currency": "usd"}
    marts = marts_of(paid("2024-01-10", "50", **paid_abroad), paid("2024-01-20", "50", **unknown))
    january = row_of(marts["metrics_monthly"], month=day("2024-01-01"))
    assert (january["gross_usd"], january["fees_usd"], january["net_usd"]) == (48, 3, 45)
    assert (january["payments_without_usd"], january["payments_without_fees"]) == (1, 1)
    february = row_of(marts["metrics_monthly"], month=day("2024-02-01"))
    assert (february["gross_usd"], february["refunded_usd"]) == (0, Decimal("4.8"))
    assert february["net_usd"] == Decimal("-4.8")


def test_days_are_those_of_the_reporting_time_zone() -> None:
    payment = paid("2024-03-01T04:59:59.999")  # the last millisecond of February in New York
    months = {
        zone: marts_of(payment, settings=Settings(reporting_timezone=zone))["mrr_monthly"][0][
            "month"
        ].month
        for zone in ("UTC", "America/New_York", "Asia/Tokyo")
    }
    assert months == {"UTC": 3, "America/New_York": 2, "Asia/Tokyo": 3}
