"""The simulator's ledger: what goes out comes in elsewhere, and nothing is rewritten."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whop_simulator import Business
from whop_simulator.current_account import account_rest
from whop_simulator.current_paid import payment
from whop_simulator.units import DAY, ms_of, usd_cents

Fact = tuple[Any, ...]


def facts(business: Business) -> dict[str, Fact]:
    """What each line says for ever."""
    return {
        line.id: (line.line_type, line.amount, line.currency, line.posted_at, line.available_at)
        for line in business.ledger.lines()
    }


@pytest.fixture(scope="module")
def business() -> Business:
    return Business(members=300, years=2)


def test_a_conversion_takes_from_one_currency_what_it_gives_to_another(
    business: Business,
) -> None:
    lines = [each for each in business.ledger.lines() if "conversion" in each.line_type]
    assert len(lines) > 10
    at: dict[int, list[int]] = defaultdict(list)
    for line in lines:
        at[line.posted_at].append(usd_cents(line.amount, line.currency, line.posted_at))
    assert all(sum(cents) == 0 and min(cents) < 0 < max(cents) for cents in at.values())


def test_what_comes_back_of_a_payout_is_what_went(business: Business) -> None:
    payouts = business.ledger.payouts()
    assert {each.status for each in payouts} >= {"completed", "failed", "reversed", "canceled"}
    of_payout: dict[str, int] = defaultdict(int)
    for line in business.ledger.lines():
        if line.source is not None and line.source[0] == "payout":
            of_payout[line.source[1]] += line.amount
    for each in payouts:
        assert of_payout[each.id] == (0 if each.returned_at is not None else -each.amount)
        assert (each.returned_at is not None) == (each.status in ("failed", "reversed", "canceled"))


def test_balances_are_the_sums_of_the_lines_and_their_parts_add_up(business: Business) -> None:
    sums: dict[str, int] = defaultdict(int)
    for line in business.ledger.lines():
        sums[line.currency] += 0 if line.internal else line.amount
    assert {currency: sum(parts) for currency, parts in business.balances().items()} == sums
    shown = account_rest(business.row("companies", business.company_id), business)["balances"]
    assert any(float(each["breakdown"]["reserve"]) > 0 for each in shown)
    for each in shown:
        parts = each["breakdown"]
        names = ("available", "in_transit", "pending", "reserve")
        assert sum(float(parts[name]) for name in names) == pytest.approx(float(each["balance"]))


def test_a_tenth_of_each_payment_is_held_back_for_thirty_days(business: Business) -> None:
    lines = business.ledger.lines()
    gross = {
        line.number: line
        for line in lines
        if line.line_type == "payment_gross" and line.amount >= 10
    }
    held: dict[str, int] = defaultdict(int)
    ends: set[int] = set()
    for line in gross.values():
        until = line.available_at + 30 * DAY
        if line.available_at <= business.clock_ms < until:
            held[line.currency] += line.amount // 10
            ends.add(until)
    assert held
    assert {key: parts[2] for key, parts in business.balances().items() if parts[2]} == held
    shown = [payment(row, business)["holds"] for row in business.rows("payments")]
    assert {ms_of(hold["release_at"]) for holds in shown for hold in holds} >= ends
    # A payout takes all there is, but for that.
    for payout in business.ledger.payouts():
        assert not sum(
            line.amount
            for line in lines
            if line.currency == payout.currency and line.available_at <= payout.created_at
        )


def test_transfers_move_what_their_rows_say(business: Business) -> None:
    moved: dict[str, int] = defaultdict(int)
    for line in business.ledger.lines():
        if line.source is not None and line.source[0] == "transfer":
            moved[line.source[1]] += line.amount
    rows = business.rows("transfers")
    stored = [business.stored("transfers", row["id"]) for row in rows]
    assert {row["_status"] for row in stored} >= {"succeeded", "failed"}
    for row in stored:
        sent = row["_origin_id"] == business.company_id
        cents = round(100 * row["amount"])
        cents = -cents - round(100 * (row["fee_amount"] or 0)) if sent else cents
        assert moved[row["id"]] == (cents if row["_status"] == "succeeded" else 0)


HAPPENS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 24 * 45)),
        st.tuples(st.just("refund"), st.integers(0, 10_000)),
        st.tuples(st.just("undo"), st.integers(0, 10_000)),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 20), story=HAPPENS)
def test_whatever_happens_no_line_is_rewritten_and_the_balance_is_their_sum(
    seed: int, story: list[tuple[str, int]]
) -> None:
    """Late postings and reversals: a refund by hand, and one that is taken back."""
    business = Business(seed=seed, members=12, years=0.6)
    seen: dict[str, Fact] = {}
    newest = 0
    for what, number in story:
        if what == "wait":
            business.advance(timedelta(hours=number))
        else:
            paid = [
                row for row in business.rows("payments") if row["status"] == "paid" and row["total"]
            ]
            if not paid:
                continue
            row = paid[number % len(paid)]
            back = row["total"] / 2 if what == "refund" else None
            business.put("payments", {**row, "refunded_amount": back})
        now = facts(business)
        assert {key: now.get(key) for key in seen} == seen
        # Who has read up to a moment finds what came since behind it.
        added = now.keys() - seen.keys()
        assert not seen or all(now[key][3] >= newest for key in added), "posted behind a reader"
        seen, newest = now, business.clock_ms
        sums: dict[str, int] = defaultdict(int)
        for kind, amount, currency, _, _ in now.values():
            sums[currency] += 0 if kind.startswith("psp_reserve") else amount
        assert {key: sum(parts) for key, parts in business.balances().items()} == sums
