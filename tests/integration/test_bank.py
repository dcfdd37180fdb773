"""The bank's marts on what a sync has loaded: they tie to the cent, and a cent off is found."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from loading import Line, assert_clean

from whop_elt.destination import open_destination
from whop_elt.report.notes import notes_of
from whop_simulator import ALL_PERMISSIONS, Business, serve
from whop_simulator.units import scale_of

CENT = Decimal("0.01")
BANK = ("financial_activity", "payouts", "account_balances")


def marts(line: Line, mart: str) -> list[dict[str, Any]]:
    return line.warehouse.read(mart)


def test_every_month_and_currency_ties_to_the_cent(built: Line) -> None:
    months = marts(built, "cash_reconciliation")
    assert len({row["month"] for row in months}) > 12
    assert {row["currency"] for row in months} >= {"usd", "eur"}
    assert all(row["ties"] for row in months)
    assert marts(built, "cash_differences") == []
    compared = sum(abs(row["compared_our_amount"]) for row in months)
    assert compared > 1000, "nothing was compared"
    seen = [row for row in months if row["whop_balance"] is not None]
    assert {row["balance_difference"] for row in seen} == {0}
    assert any(row["whop_balance"] for row in seen)


def test_a_payout_is_made_of_the_lines_that_whop_says_it_is_made_of(built: Line) -> None:
    """The simulator keeps with each line the payout that took it, which no list shows."""
    business = built.business
    theirs: dict[str, set[str]] = defaultdict(set)
    held: list[tuple[str, datetime, Decimal]] = []
    for line in business.ledger.lines():
        if line.internal:
            at = datetime.fromtimestamp(line.posted_at / 1000, UTC)
            held.append((line.currency, at, Decimal(-line.amount) / scale_of(line.currency)))
        elif line.withdrawal_id:
            theirs[line.withdrawal_id].add(line.id)
    ours: dict[str, set[str]] = defaultdict(set)
    for row in marts(built, "ledger"):
        if row["paid_out_with"] and row["payout_id"] is None:
            ours[row["paid_out_with"]].add(row["ledger_line_id"])
    assert theirs
    for payout_id, lines in theirs.items():
        # What was too little for a payout of its own went out with the next one.
        assert ours[payout_id] >= lines
    payouts = marts(built, "payouts")
    assert {row["payout_id"] for row in payouts} >= theirs.keys()
    assert any(row["left_over_amount"] for row in payouts)
    for row in payouts:
        # What Whop holds back stays, and is carried over to the next one.
        assert row["left_over_amount"] == sum(
            amount
            for currency, at, amount in held
            if currency == row["currency"] and at <= row["created_at"]
        )


def test_fees_of_payments_are_those_of_the_ledger(built: Line) -> None:
    posted: dict[str, Decimal] = defaultdict(Decimal)
    for row in marts(built, "ledger"):
        if row["component"] == "payment_fees" and row["currency"] == "usd":
            posted[row["payment_id"]] -= row["amount"]
    payments = {row["payment_id"]: row for row in marts(built, "fct_payments")}
    assert len(posted) > 100
    assert all(payments[key]["fees_usd"] == fees for key, fees in posted.items())
    converted = [key for key in posted if payments[key]["currency"] != "usd"]
    assert converted, "none was settled in another currency: there the payment says nothing"


@pytest.mark.parametrize(
    ("line_type", "component"),
    [
        ("payment_gross", "gross"),
        ("payment_processing_percentage_fee", "payment_fees"),
        ("payment_refund", "refunds"),
        ("withdrawal", "payouts"),
    ],
)
def test_one_cent_in_one_line_is_found_and_named(
    loaded: Line, line_type: str, component: str
) -> None:
    (planted, *_) = loaded.warehouse.query(
        "select id, payment__id, source__id, posted_at from whop_raw.financial_activity "
        f"where line_type = '{line_type}' and currency = 'usd' and (payment__id is null or "
        "payment__id in (select id from whop_raw.payments where currency = 'usd')) order by id"
    )
    loaded.warehouse.execute(
        "update whop_raw.financial_activity set amount = amount + 1, "
        f"usd_amount = usd_amount + 0.01 where id = '{planted['id']}'"
    )
    loaded.warehouse.dbt("run", "--select", "+cash_reconciliation")
    (named,) = marts(loaded, "cash_differences")
    assert named["reference_id"] == (planted["payment__id"] or planted["source__id"])
    assert (named["component"], named["currency"]) == (component, "usd")
    assert named["difference"] == CENT
    assert named["reason"] == "other_amount"
    assert (named["month"].year, named["month"].month) == (
        planted["posted_at"].year,
        planted["posted_at"].month,
    )
    apart = [row for row in marts(loaded, "cash_reconciliation") if not row["ties"]]
    assert {row["difference"] for row in apart} == {CENT, Decimal(0)}
    by_month = {row["month"]: row for row in apart if row["difference"]}
    assert by_month.keys() == {named["month"]}
    # Whop's balance is a cent away, too.
    assert {row["balance_difference"] for row in apart} - {None} == {CENT}


def test_the_report_says_that_it_ties_and_names_what_does_not(loaded: Line) -> None:
    company_id = loaded.business.company_id

    def said() -> str:
        loaded.warehouse.dbt("run", "--select", "+cash_reconciliation")
        with loaded.at_work():
            (cash,) = notes_of(open_destination(loaded.warehouse.engine), company_id)
        return cash

    assert said().startswith("Cash: December 2025 ties to the cent, and Whop's balance is ours.")
    (planted, *_) = loaded.warehouse.query(
        "select id, payment__id from whop_raw.financial_activity "
        "where line_type = 'payment_gross' and currency = 'usd' "
        "and posted_at >= timestamptz '2025-12-01 00:00:00+00' "
        "and posted_at < timestamptz '2026-01-01 00:00:00+00' "
        "and payment__id in (select id from whop_raw.payments where currency = 'usd') order by id"
    )
    loaded.warehouse.execute(
        f"update whop_raw.financial_activity set amount = amount - 1 where id = '{planted['id']}'"
    )
    cash = said()
    assert cash.startswith("Cash: December 2025 does not tie by -0.01 USD, in 1 payment or payout;")
    assert f"{planted['payment__id']} (gross)" in cash


def test_a_later_run_adds_the_new_lines_and_another_balance(loaded: Line) -> None:
    before = {table: loaded.rows(table) for table in BANK}
    loaded.business.advance(timedelta(days=7))
    run = loaded.sync(None)
    assert run.code == 0
    after = {table: loaded.rows(table) for table in BANK}
    for table in BANK:
        assert before[table].keys() < after[table].keys()
    assert {key: after["financial_activity"][key] for key in before["financial_activity"]} == (
        before["financial_activity"]
    )
    (asked,) = run.asked("GET /financial_activity")[:1]
    assert "posted_after" in asked


def test_a_key_that_may_not_read_the_ledger_is_told_so_once_and_loads_the_rest(
    empty: Line,
) -> None:
    business = Business(members=20, years=0.5, company_id=empty.business.company_id)
    allowed = {"company:balance:read", "payout:withdrawal:read"}
    with serve(business, permissions=frozenset(ALL_PERMISSIONS) - allowed) as server:
        run = empty.sync(server)
        assert run.code == 0
        assert not run.report.notices, "nothing to warn of: a schedule would be told every hour"
        left_out = list(run.report.left_out.values())
        assert len(left_out) >= 2
        assert all("the key could read it" in reason for reason in left_out)
        assert all(len([n for n in left_out if n.startswith(f"{t} is")]) <= 1 for t in BANK)
        assert not {*BANK[:2]} & {table.table for table in run.report.tables}
        assert empty.sync(server, "companies", "payouts").code == 3, "named, it is missed"
    assert_clean(empty.warehouse.dbt("build").stdout)
    for mart in ("ledger", "payouts", "fees_by_type_monthly", "cash_differences"):
        assert marts(empty, mart) == []
    assert marts(empty, "cash_reconciliation") == []


def test_a_warehouse_without_these_tables_builds(loaded: Line) -> None:
    """An earlier release has loaded it."""
    loaded.warehouse.execute(*(f"drop table whop_raw.{table}" for table in BANK))
    assert_clean(loaded.warehouse.dbt("build").stdout)
    assert marts(loaded, "ledger") == []
