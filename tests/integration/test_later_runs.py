"""The runs after the first: what is new, what has changed, what is gone, and nothing else."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from conftest import FirstLoad
from loading import EVERY, TABLES, Line, Row, documented, flat

from whop_elt.errors import ExitCode
from whop_simulator import Business, Server, serve
from whop_source.resources import BY_NAME, LIVE_MEMBERSHIP_STATUSES
from whop_source.surface import LEGACY

pytestmark = pytest.mark.both_surfaces

DAYS = timedelta(days=3)


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def embedded(table: str) -> list[str]:
    """Columns of another object, or over at a time they say; as of the row's own last change."""
    return [name for name in BY_NAME[table].columns if "__" in name or name == "holds"]


def one(business: Business, table: str, **having: Any) -> Row:
    """The first row with these values."""
    return next(
        row
        for row in business.rows(table)
        if all(row[name] == value for name, value in having.items())
    )


def created_ago(business: Business, **ago: float) -> str:
    return iso(business.clock - timedelta(**ago))


# A run when nothing has happened


def test_a_run_with_nothing_new_changes_nothing_but_the_company_and_the_log(
    loaded: Line, first_load: FirstLoad
) -> None:
    before = loaded.contents(*TABLES, "membership_states", "plan_states")
    loaded.server.advance(timedelta(seconds=1))
    run = loaded.sync()
    after = loaded.contents(*TABLES, "membership_states", "plan_states")

    assert run.code is ExitCode.OK
    (company,) = before.pop("companies").values()
    (same,) = after.pop("companies").values()
    assert same["_whop_synced_at"] == loaded.server.clock > company["_whop_synced_at"]
    moves = ("_whop_synced_at", "_dlt_load_id")
    assert {**same, **{name: company[name] for name in moves}} == company
    assert after == before
    assert loaded.sync_runs(run).keys() == set(EVERY)
    assert loaded.sync_runs(first_load.run).keys() == set(EVERY)


def test_a_run_on_another_machine_goes_on_where_the_last_one_stopped(
    loaded: Line, first_load: FirstLoad
) -> None:
    """`Line.sync` removes the local folder each time: what is known comes from the warehouse."""
    before = loaded.sync_runs(first_load.run)
    loaded.server.advance(timedelta(hours=1))
    run = loaded.sync()
    held = loaded.sync_runs(run)
    assert {row["mode"] for row in held.values()} == {"incremental"}
    for table, row in held.items():
        assert row["cursor_before"] == before[table]["cursor_after"]
    # On Legacy what is new and what has changed; on Current what is new, each of four open
    # statuses, the pages of the ledger, and by id what that names.
    asked = Counter(name for name, _ in run.log)
    ledger = asked["GET /financial_activity"] - held["financial_activity"]["requests"]
    by_id = asked["GET /payments/{id}"]
    wanted = 2 if loaded.surface is LEGACY else 5 + ledger + by_id
    assert held["payments"]["requests"] == wanted, asked
    assert held["payments"]["rows_read"] < before["payments"]["rows_read"] / 10


# A run when time has passed


def test_after_some_days_the_warehouse_equals_whop_again(loaded: Line) -> None:
    old = loaded.contents("payments", "memberships", "members")
    start = loaded.server.clock
    loaded.server.advance(DAYS)
    run = loaded.sync()
    assert run.code is ExitCode.OK

    for table in TABLES:
        resource = BY_NAME[table].on(loaded.surface)
        assert run[table].mode == "incremental"
        assert run[table].notes == []
        held = {key: row for key, row in loaded.rows(table).items() if not row["_whop_deleted_at"]}
        if resource.changes == "full_only":
            wanted = loaded.expected(table)
            assert wanted.keys() <= held.keys()
        else:
            stale = embedded(table) if table == "payments" else []
            documented_now = {
                key: {name: value for name, value in row.items() if name not in stale}
                for key, row in loaded.expected(table).items()
            }
            assert documented(table, held, *stale) == documented_now, table

    for table, rows in old.items():
        now = loaded.rows(table)
        new = [row for key, row in now.items() if key not in rows]
        changed = [
            key
            for key, row in rows.items()
            if documented(table, {key: row}) != documented(table, {key: now[key]})
        ]
        assert len(new) == run[table].rows_new > 0, table
        assert len(changed) == run[table].rows_changed, table
        assert all(row["created_at"] > start for row in new), table
    assert run["payments"].rows_changed
    assert run["memberships"].rows_changed


def test_windows_are_sent_that_start_an_hour_before_the_cursor_and_the_last_run(
    loaded: Line,
) -> None:
    newest = {
        table: max(row["created_at"] for row in loaded.rows(table).values())
        for table in ("payments", "memberships", "members", "payment_methods")
    }
    start = loaded.server.clock
    loaded.server.advance(DAYS)
    run = loaded.sync()

    hour = timedelta(hours=1)
    # Lower bounds of creation are sent a millisecond early: they may be exclusive.
    bound = hour + timedelta(milliseconds=1)
    for table, cursor in newest.items():
        windows = [query.get("created_after") for query in run.asked(f"GET /{table}")]
        assert iso(cursor - bound) in windows, table
    live = [query.get("statuses[]") for query in run.asked("GET /memberships")]
    orders = [query.get("order") for query in run.asked("GET /members")]
    payments = run.asked("GET /payments")
    if loaded.surface is LEGACY:
        assert iso(start - hour) in [query.get("updated_after") for query in payments]
        assert ",".join(LIVE_MEMBERSHIP_STATUSES) in live
        assert "most_recent_action" in orders
        assert {query["include_free"] for query in payments} == {"true"}
    else:
        # It is a table of its own besides.
        ledger = [query["posted_after"] for query in run.asked("GET /financial_activity")]
        assert iso(start - hour) in ledger
        asked = {query.get("status") for query in payments}
        assert asked == {None, "open", "authorized", "pending", "unresolved"}
        live = [query.get("statuses") for query in run.asked("GET /memberships")]
        assert "trialing,active,past_due,canceling,completed" in live
        assert "most_recent_action_at" in orders
    for table in ("products", "plans", "promo_codes", "apps", "authorized_users"):
        assert not any("created_after" in query for query in run.asked(loaded.operation(table)))


def test_the_cursor_moves_with_the_newest_row(loaded: Line) -> None:
    loaded.server.advance(DAYS)
    run = loaded.sync(None, "payments", "members")
    for table, row in loaded.sync_runs(run).items():
        newest = max(held["created_at"] for held in loaded.rows(table).values())
        assert datetime.fromisoformat(row["cursor_after"]) == newest
        assert row["cursor_before"] < row["cursor_after"]


# Rows that vanish and come back


def test_a_full_run_marks_what_whop_has_no_more_and_unmarks_what_is_back(loaded: Line) -> None:
    business = loaded.business
    kept = {
        "payments": one(business, "payments", status="paid"),
        "payment_methods": business.rows("payment_methods")[0],
        "promo_codes": business.rows("promo_codes")[0],
    }
    before = {table: loaded.rows(table) for table in kept}
    for table, row in kept.items():
        business.remove(table, row["id"])

    loaded.server.advance(timedelta(seconds=5))
    gone_at = loaded.server.clock
    run = loaded.sync(None, *kept, full=True)
    for table, row in kept.items():
        held = loaded.rows(table)
        assert held.keys() == before[table].keys(), "a row was removed"
        marked = {key for key, each in held.items() if each["_whop_deleted_at"] is not None}
        assert marked == {row["id"]}
        assert held[row["id"]]["_whop_deleted_at"] == gone_at
        only = {row["id"]: held[row["id"]]}
        was = {row["id"]: before[table][row["id"]]}
        assert documented(table, only) == documented(table, was)
        assert run[table].rows_deleted == 1

    again = loaded.sync(None, *kept, full=True)
    assert [again[table].rows_deleted for table in kept] == [0, 0, 0], "marked twice"
    assert {loaded.rows(t)[r["id"]]["_whop_deleted_at"] for t, r in kept.items()} == {gone_at}

    for table, row in kept.items():
        business.put(table, row)
    back = loaded.sync(None, *kept, full=True)
    for table in kept:
        assert not any(each["_whop_deleted_at"] for each in loaded.rows(table).values())
        assert back[table].rows_changed == 1


def test_a_live_membership_and_a_promo_code_that_vanish_are_noticed_by_any_run(
    loaded: Line,
) -> None:
    live = one(loaded.business, "memberships", status="active")
    promo = loaded.business.rows("promo_codes")[-1]
    loaded.business.remove("memberships", live["id"])
    loaded.business.remove("promo_codes", promo["id"])
    run = loaded.sync(None, "memberships", "promo_codes")
    assert {table.mode for table in run.report.tables} == {"incremental"}
    assert loaded.rows("memberships")[live["id"]]["_whop_deleted_at"] == loaded.server.clock
    assert loaded.rows("promo_codes")[promo["id"]]["_whop_deleted_at"] == loaded.server.clock


def test_an_incremental_run_takes_nothing_for_deleted_that_it_did_not_ask_for(
    loaded: Line,
) -> None:
    loaded.business.remove("payments", one(loaded.business, "payments", status="paid")["id"])
    run = loaded.sync(None, "payments", "members")
    assert [table.rows_deleted for table in run.report.tables] == [0, 0]


# Rows that change


def test_a_refund_of_an_old_payment_arrives_with_its_member(
    loaded: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The member has done nothing for long, so that only the payment leads to it."""
    monkeypatch.setattr("whop_source.client.PAGE_SIZE", 10)
    business = loaded.business
    payers = {
        row["user"]["id"]: row["id"]
        for row in business.rows("payments")
        if row["user"] and row["status"] == "paid" and row["total"]
    }
    member = min(
        (row for row in business.rows("members") if row["user"] and row["user"]["id"] in payers),
        key=lambda row: str(row["most_recent_action_at"]),
    )
    old = business.row("payments", payers[member["user"]["id"]])
    now = iso(business.clock)
    refunded = {**old, "refunded_amount": 3.21, "refunded_at": now, "updated_at": now}
    business.put("payments", refunded)
    business.put("members", {**member, "usd_total_spent": 77.77})
    run = loaded.sync(None, "payments", "members")
    assert run.code is ExitCode.OK
    assert str(loaded.rows("payments")[old["id"]]["refunded_amount"]) == "3.210000000"
    assert str(loaded.rows("members")[member["id"]]["usd_total_spent"]) == "77.770000000"
    assert run["payments"].rows_changed == run["members"].rows_changed == 1
    assert run["members"].rows_read < 40, "half of the members were read for one"


def test_a_member_that_a_full_pass_had_read_before_its_payment_changed_comes_with_the_next_run(
    loaded: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The payment is loaded as it is since, so that it is no changed one for the next run."""
    monkeypatch.setattr("whop_source.client.PAGE_SIZE", 10)
    business, server = loaded.business, loaded.server
    members = {row["user"]["id"]: row for row in business.rows("members") if row["user"]}
    payment = min(
        (row for row in business.rows("payments")[-100:] if row["user"]["id"] in members),
        key=lambda row: str(members[row["user"]["id"]]["most_recent_action_at"]),
    )
    member = members[payment["user"]["id"]]

    def refund(operation: str, pages: int) -> None:
        if operation == "GET /payments" and pages == 1:
            pages = -(-len(business.rows("members")) // 10)
            while server.requests["GET /members"] < pages:
                time.sleep(0.01)
            time.sleep(0.3)  # until the last of them is on its way
            changed = {"refunded_amount": 3.21, "updated_at": iso(business.clock)}
            business.put("payments", {**business.row("payments", payment["id"]), **changed})
            business.put("members", {**member, "usd_total_spent": 77.77})

    server.between_pages = refund
    assert loaded.sync(None, "payments", "members", full=True).code is ExitCode.OK
    server.between_pages = None
    assert str(loaded.rows("payments")[payment["id"]]["refunded_amount"]) == "3.210000000"
    assert str(loaded.rows("members")[member["id"]]["usd_total_spent"]) != "77.770000000"
    run = loaded.sync(None, "payments", "members")
    assert (run["members"].mode, run["payments"].rows_changed) == ("incremental", 0)
    assert str(loaded.rows("members")[member["id"]]["usd_total_spent"]) == "77.770000000"


def test_a_member_that_did_something_is_found_however_old_it_is(
    loaded: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whop_source.client.PAGE_SIZE", 10)
    business = loaded.business
    oldest = business.rows("members")[0]
    acted = {"most_recent_action": "left", "most_recent_action_at": iso(business.clock)}
    business.put("members", {**oldest, **acted, "status": "left"})
    run = loaded.sync(None, "members")
    assert loaded.rows("members")[oldest["id"]]["status"] == "left"
    assert run["members"].rows_read < 40


def test_a_membership_that_ends_is_read_by_its_id_and_both_states_are_kept(loaded: Line) -> None:
    live = one(loaded.business, "memberships", status="active")
    full = loaded.business.row("memberships", live["id"])
    loaded.business.put("memberships", {**full, "status": "canceled"})
    loaded.sync(None, "memberships")
    assert loaded.rows("memberships")[live["id"]]["status"] == "canceled"
    states = loaded.warehouse.read("membership_states", schema="whop_raw")
    seen = [row["status"] for row in states if row["id"] == live["id"]]
    assert sorted(seen) == ["active", "canceled"]


def test_a_membership_in_a_status_nobody_knows_is_followed_until_it_ends(loaded: Line) -> None:
    """The list can be asked for documented statuses only; its end would be missed."""
    live = one(loaded.business, "memberships", status="active")
    full = loaded.business.row("memberships", live["id"])
    for status in ("on_the_moon", "canceled"):
        loaded.business.put("memberships", {**full, "status": status})
        assert loaded.sync().code is ExitCode.OK
        assert loaded.rows("memberships")[live["id"]]["status"] == status


@pytest.mark.only_on("legacy", reason="Current's payments take no `updated_after`")
def test_a_server_that_refuses_updated_after_is_asked_for_open_and_recent_payments(
    loaded: Line,
) -> None:
    business = loaded.business
    payments = business.rows("payments")
    recent = next(row for row in payments if row["created_at"] > created_ago(business, days=100))
    ancient = next(row for row in payments if row["created_at"] < created_ago(business, days=200))
    for row in (recent, ancient):
        full = business.row("payments", row["id"])
        business.put("payments", {**full, "failure_message": "changed", "status": row["status"]})
    open_one = {**business.row("payments", payments[1]["id"]), "status": "open"}
    assert open_one["created_at"] < created_ago(business, days=200)
    business.put("payments", open_one)

    with serve(business, refuse={"/payments": {"updated_after"}}) as server:
        run = loaded.sync(server, "payments")
    assert run.code is ExitCode.OK
    (note,) = run["payments"].notes
    assert "fell back" in note
    assert "updated_after" in note
    held = loaded.rows("payments")
    assert held[recent["id"]]["failure_message"] == "changed"
    assert held[open_one["id"]]["status"] == "open"
    assert held[ancient["id"]]["failure_message"] != "changed", "older than the lookback"
    lookback = iso(loaded.server.clock - timedelta(days=180, milliseconds=1))
    asked = run.asked("GET /payments")
    assert lookback in [query.get("created_after") for query in asked]
    assert "draft,open,pending,unresolved" in [query.get("statuses[]") for query in asked]


# The full pass


def test_a_run_becomes_full_by_itself_after_a_week_and_then_all_of_it_is_true(
    loaded: Line,
) -> None:
    loaded.server.advance(timedelta(days=7))
    run = loaded.sync()
    assert {table.mode for table in run.report.tables} == {"full"}
    for table in TABLES:
        held = {key: row for key, row in loaded.rows(table).items() if not row["_whop_deleted_at"]}
        assert documented(table, held) == loaded.expected(table), table


# Unexpected rows


def test_what_no_column_is_declared_for_is_kept_and_told(loaded: Line) -> None:
    row = {**loaded.business.row("promo_codes", loaded.business.rows("promo_codes")[0]["id"])}
    row |= {"brand_new": {"a": [1]}, "stock": "many", "code": "NUL\0 here"}
    loaded.business.put("promo_codes", row)
    run = loaded.sync(None, "promo_codes")
    assert run.code is ExitCode.OK
    held = loaded.rows("promo_codes")[row["id"]]
    assert held["_whop_extra"] == {"brand_new": {"a": [1]}, "stock": "many"}
    assert held["stock"] is None
    assert held["code"] == "NUL here"
    notes = " / ".join(run["promo_codes"].notes)
    assert "brand_new (1)" in notes
    assert "stock (1)" in notes
    assert "1 texts had control characters" in notes
    assert loaded.sync_runs(run)["promo_codes"]["notes"] == "; ".join(run["promo_codes"].notes)


def test_a_value_nobody_knows_yet_loads(loaded: Line) -> None:
    row = loaded.business.rows("members")[0]
    loaded.business.put(
        "members", {**row, "id": "mber_new", "status": "brand_new_status", "user": None}
    )
    assert loaded.sync(None, "members", full=True).code is ExitCode.OK
    held = loaded.rows("members")["mber_new"]
    assert (held["status"], held["user__id"]) == ("brand_new_status", None)


def test_a_moment_that_is_none_does_not_stop_the_walk_by_it(loaded: Line) -> None:
    odd, *_, acted = loaded.business.rows("members")
    # Unix time, but in milliseconds: the latest of all, and no year a calendar has.
    at = int(loaded.server.clock.timestamp() * 1000)
    loaded.business.put("members", {**odd, "most_recent_action_at": at})
    moment = iso(loaded.server.clock)
    loaded.business.put("members", {**acted, "most_recent_action_at": moment, "status": "left"})
    run = loaded.sync(None, "members", "apps")
    assert run.outcomes() == {"members": "ok", "apps": "ok"}
    held = loaded.rows("members")
    assert held[odd["id"]]["_whop_extra"] == {"most_recent_action_at": at}
    assert held[acted["id"]]["status"] == "left"


@pytest.mark.parametrize("paging", ["keyset", "offset"])
def test_rows_that_come_while_a_list_is_read_are_neither_lost_nor_doubled(
    loaded: Line, paging: Any
) -> None:
    business = loaded.business
    first = business.rows("payments")[0]

    def insert(operation: str, served: int) -> None:
        if operation == "GET /payments":
            at = iso(business.clock - timedelta(days=300 * (served % 2), milliseconds=served))
            row = {**first, "id": f"pay_new{served}", "created_at": at, "updated_at": at}
            business.put("payments", row)

    with serve(business, paging=paging) as server:
        server.between_pages = insert
        assert loaded.sync(server, "payments", full=True).code is ExitCode.OK
        server.between_pages = None
        assert loaded.sync(server, "payments", full=True).code is ExitCode.OK
        held = loaded.rows("payments")
    wanted = loaded.expected("payments")
    assert {"pay_new1", "pay_new2"} <= wanted.keys()
    assert documented("payments", held) == wanted


def test_the_answer_of_the_last_reading_counts_when_a_row_is_read_twice(loaded: Line) -> None:
    """A membership that is new and live is in both walks of a run, and changes in between."""
    business = loaded.business
    template = one(business, "memberships", status="active")
    at = iso(business.clock)
    new = {**template, "id": "mem_new", "created_at": at, "updated_at": at}
    business.put("memberships", {**new, "cancellation_reason": "one"})
    asked: list[str] = []

    class Changing(Server):
        def count(self, operation: str, query: dict[str, list[str]]) -> None:
            super().count(operation, query)
            if operation == "GET /memberships":
                asked.append(operation)
                if len(asked) == 2:
                    business.put("memberships", {**new, "cancellation_reason": "two"})

    server = Changing([business])
    server.start()
    try:
        run = loaded.sync(server, "memberships")
    finally:
        server.close()
    assert run.code is ExitCode.OK
    assert loaded.rows("memberships")["mem_new"]["cancellation_reason"] == "two"
    assert flat(BY_NAME["memberships"], new)["created_at"] == business.clock


def test_what_rows_of_an_earlier_run_name_is_read_when_its_table_joins(empty: Line) -> None:
    empty.sync(None, "payments")
    run = empty.sync(None, "payments", "plans")
    assert run["payments"].rows_new == 0
    plans = empty.rows("plans")
    named = {row["plan__id"] for row in empty.rows("payments").values()} - {None}
    assert named <= plans.keys()
    # Some of them no list shows.
    assert any(name == f"{empty.operation('plans')}/{{id}}" for name, _ in run.log)
