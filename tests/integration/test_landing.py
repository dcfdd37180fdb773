"""What Whop writes in another way than documented still counts, or is said to be missing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from loading import Line

from whop_elt.errors import ExitCode
from whop_simulator import Fault


def paid(line: Line) -> list[dict[str, Any]]:
    """Payments, as the object by id shows them, newest first."""
    rows = sorted(line.business.rows("payments"), key=lambda row: row["created_at"], reverse=True)
    return [row for row in rows if row["paid_at"] and row["total"]]


def change(line: Line, row: dict[str, Any], **values: Any) -> str:
    now = line.business.clock.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    line.business.put("payments", {**row, "updated_at": now, **values})
    return str(row["id"])


def test_noise_of_floats_texts_and_bare_ids_land_as_what_they_mean(loaded: Line) -> None:
    loaded.server.advance(timedelta(hours=2))
    one, two, three = paid(loaded)[:3]
    change(loaded, one, total=19.990000000000002, tax_amount=0.30000000000000004)
    change(loaded, two, total="19.99", payments_failed="2", paid_at="1766000000")
    change(loaded, three, total=0.010416666666666666, user="user_bare", plan="plan_bare")
    run = loaded.sync(None, "payments")
    assert (run.code, run["payments"].unreadable) == (ExitCode.OK, {})
    held = loaded.rows("payments")
    assert held[one["id"]]["total"] == Decimal("19.99")
    assert held[one["id"]]["tax_amount"] == Decimal("0.3")
    assert held[two["id"]]["total"] == Decimal("19.99")
    assert held[two["id"]]["payments_failed"] == 2
    assert held[two["id"]]["paid_at"].year == 2025
    assert held[three["id"]]["total"] == Decimal("0.010416667")
    assert held[three["id"]]["user__id"] == "user_bare"
    assert held[three["id"]]["plan__id"] == "plan_bare"
    assert {held[each["id"]]["_whop_extra"] for each in (one, two, three)} == {None}


def test_a_value_the_numbers_lack_is_said_until_it_can_be_read(loaded: Line) -> None:
    loaded.server.advance(timedelta(hours=2))
    one, two = paid(loaded)[:2]
    change(loaded, one, paid_at="0001-01-01T00:00:00Z", total="ten")
    change(loaded, two, total="eleven")
    run = loaded.sync()
    assert run.code is ExitCode.PARTLY
    assert run["payments"].status == "ok"
    assert run["payments"].unreadable == {"paid_at": 1, "total": 2}
    assert loaded.sync_runs(run)["payments"]["unreadable"] == "paid_at (1), total (2)"
    assert loaded.sync_runs(run)["plans"]["unreadable"] is None
    held = loaded.rows("payments")[one["id"]]
    assert (held["paid_at"], held["total"]) == (None, None)
    assert held["_whop_extra"] == {"paid_at": "0001-01-01T00:00:00Z", "total": "ten"}

    # The rows are as they were, and are not read again: the numbers lack them still.
    loaded.server.advance(timedelta(hours=2))
    run = loaded.sync()
    assert (run.code, run["payments"].rows_changed) == (ExitCode.PARTLY, 0)
    assert run["payments"].unreadable == {"paid_at": 1, "total": 2}

    change(loaded, one)
    loaded.business.remove("payments", two["id"])
    run = loaded.sync()
    assert run["payments"].unreadable == {"total": 1}
    run = loaded.sync(full=True)
    assert (run.code, run["payments"].unreadable) == (ExitCode.OK, {})


def test_what_no_model_uses_is_a_note_and_no_failure(loaded: Line) -> None:
    loaded.server.advance(timedelta(hours=2))
    change(loaded, paid(loaded)[0], retryable="perhaps", last_payment_attempt=0)
    run = loaded.sync(None, "payments")
    assert (run.code, run["payments"].unreadable) == (ExitCode.OK, {})
    (note,) = run["payments"].notes
    assert "last_payment_attempt (" in note and "retryable (" in note


@pytest.mark.parametrize("status", [404, 410])
def test_a_list_that_is_not_there_costs_its_table_only(loaded: Line, status: int) -> None:
    before = loaded.rows("affiliates")
    for operation in ("GET /affiliates", "GET /reviews"):
        loaded.server.faults.add(operation, Fault("status", status=status))
    loaded.server.advance(timedelta(hours=2))
    run = loaded.sync()
    assert run.code is ExitCode.PARTLY
    outcomes = run.outcomes()
    assert {outcomes.pop("affiliates"), outcomes.pop("reviews")} == {"not_available"}
    assert set(outcomes.values()) == {"ok"}
    error = run["affiliates"].error or ""
    assert f"HTTP {status}" in error and "SOURCES__WHOP__TABLES, without affiliates" in error
    assert loaded.rows("affiliates") == before
    assert loaded.sync_runs(run)["affiliates"]["status"] == "not_available"
