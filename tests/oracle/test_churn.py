"""The oracle against numbers worked out by hand: why members leave, and who stays."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from oracle.basics import Row
from oracle.by_hand import day, marts_of, membership, moment, paid, row_of


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
        ({"status": "past_due"}, None, ("involuntary", "payment_failed")),
        ({"status": "unresolved"}, None, ("involuntary", "payment_failed")),
        (
            {"canceled_at": moment("2024-01-15"), "cancel_option": "switching"},
            failed("2024-02-09"),
            ("voluntary", "switching"),
        ),
        ({"canceled_at": moment("2024-01-15")}, None, ("voluntary", "unspecified")),
        ({"canceled_at": moment("2024-01-15")}, failed("2024-01-12"), ("voluntary", "unspecified")),
        ({"canceled_at": moment("2024-01-09")}, None, ("lapsed", "not_renewed")),
        # Canceled while the charge was being tried; before it failed; when none had failed.
        (
            {"canceled_at": moment("2024-02-15")},
            failed("2024-02-09"),
            ("involuntary", "payment_failed"),
        ),
        ({"canceled_at": moment("2024-02-15")}, failed("2024-02-16"), ("voluntary", "unspecified")),
        ({"canceled_at": moment("2024-02-15")}, None, ("voluntary", "unspecified")),
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


def test_who_has_not_paid_yet_is_unpaid_whatever_the_status_says() -> None:
    active = (membership(status="active"),)
    for as_of, unpaid in (("2024-02-09", False), ("2024-02-15", True), ("2024-02-23", False)):
        marts = marts_of(paid("2024-01-10"), memberships=active, as_of=as_of)
        subscription = marts["fct_subscriptions"][0]
        assert subscription["is_unpaid"] is unpaid
        assert subscription["is_active"] is (as_of != "2024-02-23")


def test_a_dispute_says_why_only_when_it_came_first() -> None:
    def why(canceled_at: str | None, lost_at: str, status: str = "lost") -> tuple[str, str]:
        dispute = {
            "id": "dspt",
            "payment__id": "pay_mem_a_2024-01-10",
            "status": status,
            "created_at": moment(lost_at),
        }
        canceled = moment(canceled_at) if canceled_at else None
        marts = marts_of(
            paid("2024-01-10"),
            memberships=(membership(canceled_at=canceled),),
            disputes=(dispute,),
        )
        row = marts["fct_subscriptions"][0]
        return row["churn_type"], row["churn_reason"]

    assert why("2024-01-20", "2024-01-19") == ("involuntary", "chargeback")
    assert why("2024-01-20", "2024-01-21") == ("voluntary", "unspecified")
    assert why(None, "2024-01-21") == ("involuntary", "chargeback")
    assert why(None, "2024-01-21", "won") == ("lapsed", "not_renewed")


def test_churn_takes_the_type_of_the_membership_that_ended_last() -> None:
    at = moment("2024-01-11")
    both = (
        membership(canceled_at=at, cancel_option="switching"),
        membership("mem_b", canceled_at=at, cancel_option="testing"),
    )

    def reasons(*payments: Row) -> list[str]:
        marts = marts_of(*payments, memberships=both)
        return [row["churn_reason"] for row in marts["churn_monthly"]]

    # mem_b ends an hour later; then at the same moment but smaller; then alike.
    assert reasons(paid("2024-01-10"), paid("2024-01-10T01:00", "1", in_="mem_b")) == ["testing"]
    assert reasons(paid("2024-01-10"), paid("2024-01-10", "29", in_="mem_b")) == ["switching"]
    assert reasons(paid("2024-01-10"), paid("2024-01-10", in_="mem_b")) == ["switching"]


def test_what_came_after_a_return_is_no_reason_for_the_gap() -> None:
    canceled = membership(status="canceled", canceled_at=moment("2024-05-10"))
    marts = marts_of(paid("2024-01-10"), paid("2024-05-01"), memberships=(canceled,))
    assert [(r["month"].month, r["churn_type"]) for r in marts["churn_monthly"]] == [
        (2, "lapsed"),
        (5, "voluntary"),
    ]


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
