"""A full pass of a large account is loaded in parts, and one that dies is gone on with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from loading import Line, documented, expected

from whop_elt.errors import ExitCode
from whop_simulator import Business, Fault, serve

PART: dict[str, Any] = {"slice_rows": 100}


def test_a_long_list_is_read_in_ranges_side_by_side(empty: Line) -> None:
    business = Business(members=300, years=3)
    with serve(business, latency=0.05) as server:
        run = empty.sync(server, "payments")
    payments = business.rows("payments")
    asked = run.asked("GET /payments")
    assert sum("created_after" in query for query in asked) >= 2
    assert run["payments"].requests <= -(-len(payments) // 100) + 10
    assert run["payments"].retries == 0
    assert documented("payments", empty.rows("payments")) == expected(business, "payments")


def test_parts_make_the_whole(empty: Line) -> None:
    run = empty.sync(**PART)
    assert run.code == ExitCode.OK
    payments = empty.business.rows("payments")
    assert len(payments) > 4 * PART["slice_rows"]
    assert documented("payments", empty.rows("payments")) == expected(empty.business, "payments")
    assert run["payments"].rows_new == len(payments)
    parts = empty.warehouse.read("sync_runs", schema="whop_raw")
    assert sum(row["table_name"] == "payments" for row in parts) > 4
    # The tables that are done are not read again for the sake of the one that is not.
    assert sum(row["table_name"] == "apps" for row in parts) == 1


def test_a_pass_that_dies_goes_on_where_it_stopped(empty: Line) -> None:
    operation = "GET /payments"
    empty.server.faults.add(operation, Fault("status", status=500, since=5))
    assert empty.sync(**PART).code == ExitCode.FAILED
    loaded = empty.rows("payments")
    assert PART["slice_rows"] <= len(loaded) < len(empty.business.rows("payments"))

    empty.server.faults.clear()
    run = empty.sync(**PART)
    assert run.code == ExitCode.OK
    pages = -(-len(empty.business.rows("payments")) // 100)
    assert run["payments"].requests < pages
    first_asked = run.asked(operation)[0]
    assert first_asked["created_after"] > min(
        row["created_at"] for row in empty.business.rows("payments")
    )
    assert documented("payments", empty.rows("payments")) == expected(empty.business, "payments")
    # Only the pass as a whole is a full one; the run after it is not.
    assert empty.sync(**PART)["payments"].mode == "incremental"


def test_a_pass_in_parts_marks_what_is_gone_and_nothing_else(loaded: Line) -> None:
    ids = sorted(row["id"] for row in loaded.business.rows("payments"))[::97]
    for key in ids:
        loaded.business.remove("payments", key)
    loaded.server.faults.add("GET /payments", Fault("status", status=500, since=4))
    assert loaded.sync(full=True, **PART).code == ExitCode.FAILED
    marked = {key for key, row in loaded.rows("payments").items() if row["_whop_deleted_at"]}
    assert marked < set(ids)

    loaded.server.faults.clear()
    assert loaded.sync(full=True, **PART).code == ExitCode.OK
    marked = {key for key, row in loaded.rows("payments").items() if row["_whop_deleted_at"]}
    assert marked == set(ids)


def test_what_changes_behind_a_pass_under_way_is_brought_by_the_run_that_ends_it(
    empty: Line,
) -> None:
    empty.server.faults.add("GET /payments", Fault("status", status=500, since=5))
    empty.sync(**PART)
    first = min(empty.business.rows("payments"), key=lambda row: row["created_at"])

    empty.server.advance(timedelta(hours=30))
    changed = {
        **empty.business.row("payments", first["id"]),
        "substatus": "refunded",
        "updated_at": empty.business.clock.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }
    empty.business.put("payments", changed)
    empty.server.faults.clear()
    run = empty.sync(**PART)
    assert run.code == ExitCode.OK
    assert run["payments"].mode == "full"
    held = empty.rows("payments")
    assert held[first["id"]]["substatus"] == "refunded"
    # Nor is anything missing that has come since the pass began.
    assert held.keys() == expected(empty.business, "payments").keys()
    newest = max(row["created_at"] for row in held.values())
    assert datetime.fromisoformat(str(run["payments"].cursor_after)) == newest
    # Only once: there is nothing left to make good for.
    assert not empty.sync(**PART)["payments"].resumed
