"""Ledgers of businesses to which anything happens: they tie, and a unit that is off is found."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from loading import expected

from oracle.bank import Bank
from oracle.basics import Raw, Row, Settings
from oracle.money import PaymentReader
from whop_simulator import Business

TABLES = (
    *("companies", "products", "plans", "members", "memberships", "payments", "refunds"),
    *("disputes", "financial_activity", "payouts", "account_balances", "transfers"),
)
COMPARED = ("payment_gross", "payment_processing_percentage_fee", "withdrawal", "payment_refund")

STORIES = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 24 * 40)),
        st.tuples(st.just("refund"), st.integers(0, 10_000)),
        st.tuples(st.just("undo"), st.integers(0, 10_000)),
        st.tuples(st.just("dispute"), st.integers(0, 10_000)),
    ),
    min_size=1,
    max_size=7,
)


def happen(business: Business, story: list[tuple[str, int]]) -> None:
    for what, number in story:
        if what == "wait":
            business.advance(timedelta(hours=number))
            continue
        paid = [
            row for row in business.rows("payments") if row["status"] == "paid" and row["total"]
        ]
        if not paid:
            continue
        row = business.row("payments", paid[number % len(paid)]["id"])
        if row["refunds"] or row["disputes"]:
            continue
        at = business.clock.isoformat()
        if what == "refund":
            cents = 1 + number % max(1, round(row["total"]))
            row |= {"refunded_amount": min(float(cents), row["total"]), "refunded_at": at}
        elif what == "undo":
            row |= {"refunded_amount": None, "refunded_at": None}
        else:
            row |= {"dispute_alerted_at": at, "substatus": "dispute_needs_response"}
        business.put("payments", row)


def loaded(business: Business) -> dict[str, list[Row]]:
    """The rows as a sync leaves them."""
    stamp = {"company_id": business.company_id, "_whop_synced_at": business.clock}
    return {
        table: [{**row, **stamp} for row in expected(business, table).values()] for table in TABLES
    }


def bank_of(tables: dict[str, list[Row]], company_id: str) -> Bank:
    raw = Raw(company_id, tables, Settings())
    return Bank(raw, PaymentReader(raw).payments())


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    # A story is short as it is, and each telling takes a second.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(seed=st.integers(0, 40), story=STORIES, planted=st.integers(0, 10_000))
def test_whatever_happens_it_ties_over_all_months_and_a_unit_that_is_off_is_found(
    seed: int, story: list[tuple[str, int]], planted: int
) -> None:
    business = Business(seed=seed, members=15, years=0.7)
    happen(business, story)
    tables = loaded(business)
    bank = bank_of(tables, business.company_id)
    before = bank.cash_differences()
    assert {row["reason"] for row in before} <= {"in_another_month"}, before
    months = bank.cash_reconciliation()
    assert all(not row["balance_difference"] for row in months)
    of_months = sum((row["difference"] for row in months), Decimal(0))
    assert of_months == sum((row["difference"] for row in before), Decimal(0))

    lines = [row for row in tables["financial_activity"] if row["line_type"] in COMPARED]
    if not lines:
        return
    line = lines[planted % len(lines)]
    line["amount"] += 1
    after = bank_of(tables, business.company_id).cash_differences()
    old = {(r["month"], r["component"], r["reference_id"]): r["difference"] for r in before}
    new = {(r["month"], r["component"], r["reference_id"]): r["difference"] for r in after}
    moved = {
        key: new.get(key, Decimal(0)) - old.get(key, Decimal(0))
        for key in old | new
        if new.get(key) != old.get(key)
    }
    ((_, component, reference), change) = next(iter(moved.items()), (("", "", ""), None))
    if component:
        assert len(moved) == 1
        assert change == 1 / line["precision"]
        assert reference in (line["payment__id"], line["source__id"])
    else:
        # Refunds of a payment that settles in other money have nothing beside them.
        assert line["line_type"] == "payment_refund"
