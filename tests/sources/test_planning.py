"""What a run asks for and what it remembers: state and time in, requests out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from whop_source import resources
from whop_source.planning import (
    FeedWalk,
    Plan,
    Range,
    Settings,
    TableState,
    Walk,
    dump,
    in_seconds,
    load,
    on_version,
    plan,
    remember,
    renewed,
)
from whop_source.resources import (
    BY_NAME,
    LIVE_MEMBERSHIP_STATUSES,
    OPEN_PAYMENT_STATUSES,
    RESOURCES,
    Resource,
)
from whop_source.surface import CURRENT

NOW = datetime(2026, 3, 10, 12, 0, 0, 401_999, tzinfo=UTC)
CURSOR = NOW - timedelta(hours=5)
LAST_RUN = NOW - timedelta(hours=2)
SEEN = TableState(CURSOR, LAST_RUN, NOW - timedelta(days=3))
HOUR_BEFORE_CURSOR = CURSOR - timedelta(hours=1)
HOUR_BEFORE_LAST_RUN = "2026-03-10T09:00:00.401Z"


def planned(name: str, state: TableState = SEEN, now: datetime = NOW, **settings: Any) -> Plan:
    return plan(BY_NAME[name], state, now, Settings(**settings))


def names(resources: list[Resource]) -> list[str]:
    return [resource.name for resource in resources]


FOLLOWING = names([each for each in RESOURCES if each.changes in resources.FOLLOWING])
LISTED = [each for each in RESOURCES if each.name not in FOLLOWING]
OBSERVED = names([each for each in LISTED if each.changes == "observed"])
CHARTED = names([each for each in LISTED if each.changes == "charted"])
EVERY_TABLE = [name for name in names(LISTED) if name not in (*OBSERVED, *CHARTED)]
READ_WHOLE = names([each for each in LISTED if each.changes == "everything"])
LOOKED_BACK_ON = names([each for each in LISTED if each.changes == "lookback"])
OTHERWISE = ("everything", "lookback", "appended", "observed", "charted")
READ_IN_PART = names([each for each in LISTED if each.changes not in OTHERWISE])


@pytest.mark.parametrize("table", FOLLOWING)
def test_nothing_is_listed_of_a_table_that_follows_from_others(table: str) -> None:
    assert FOLLOWING == ["users", "files", "payment_fees"]
    for state in (TableState(), SEEN):
        assert planned(table, state, full=True) == Plan("full", (), whole=False)


@pytest.mark.parametrize("table", LOOKED_BACK_ON)
def test_what_changes_for_a_while_is_read_again_as_far_back_as_that(table: str) -> None:
    half_a_year = NOW - timedelta(days=180)
    assert planned(table) == Plan("incremental", (Walk(ranges=(Range(half_a_year),)),), whole=False)
    short = planned(table, lookback=timedelta(hours=1))
    assert short.walks == (Walk(ranges=(Range(HOUR_BEFORE_CURSOR),)),)
    empty_so_far = planned(table, TableState(None, LAST_RUN, LAST_RUN))
    assert empty_so_far.walks == (Walk(),)


def test_which_tables_are_looked_back_on() -> None:
    assert set(LOOKED_BACK_ON) >= {
        "refunds",
        "disputes",
        "dispute_alerts",
        "leads",
        "checkout_configurations",
        "setup_intents",
    }


def test_open_invoices_and_entries_are_read_by_their_statuses() -> None:
    for table, statuses in (("invoices", "draft"), ("entries", "pending")):
        _, live = planned(table).walks
        assert live.params == {"statuses": BY_NAME[table].live_statuses}
        assert statuses in BY_NAME[table].live_statuses


def test_moments_in_seconds_are_rounded_down() -> None:
    moments = Range(NOW, NOW + timedelta(seconds=1)).params
    assert in_seconds({**moments, "statuses": ("paid",)}) == {
        "created_after": "1773144000",
        "created_before": "1773144001",
        "statuses": ("paid",),
    }


@pytest.mark.parametrize("table", EVERY_TABLE)
def test_the_first_run_reads_the_table_whole(table: str) -> None:
    assert planned(table, TableState()) == Plan("full", (Walk(),), whole=True)


@pytest.mark.parametrize("table", EVERY_TABLE)
def test_a_full_run_reads_the_table_whole_however_young_the_last_one_is(table: str) -> None:
    just_now = TableState(CURSOR, NOW, NOW)
    assert planned(table, just_now, full=True) == Plan("full", (Walk(),), whole=True)


@pytest.mark.parametrize("table", EVERY_TABLE)
@pytest.mark.parametrize(
    ("age", "mode"),
    [(timedelta(days=7), "full"), (timedelta(days=7) - timedelta(seconds=1), "incremental")],
)
def test_a_run_becomes_full_when_the_last_full_one_is_a_week_old(
    table: str, age: timedelta, mode: str
) -> None:
    found = planned(table, TableState(CURSOR, LAST_RUN, NOW - age))
    assert found.mode == mode
    # Lines of a ledger do not change: once it was read whole, only the last months are again.
    is_full = mode == "full" and BY_NAME[table].changes != "appended"
    assert found.whole is (is_full or table in READ_WHOLE)


def test_a_ledger_is_read_from_the_last_run_on_and_once_a_week_over_the_last_months() -> None:
    (walk,) = planned("financial_activity").walks
    assert walk.params == {"posted_after": HOUR_BEFORE_LAST_RUN}
    weekly = planned("financial_activity", TableState(CURSOR, LAST_RUN, NOW - timedelta(days=7)))
    half_a_year = {"posted_after": "2025-09-11T12:00:00.401Z"}
    assert weekly == Plan("full", (Walk(half_a_year),), whole=False)
    years_ago = TableState(CURSOR, NOW - timedelta(days=900), NOW - timedelta(days=900))
    (walk,) = planned("financial_activity", years_ago).walks
    assert walk.params == {"posted_after": "2023-09-22T11:00:00.401Z"}


@pytest.mark.parametrize("table", OBSERVED)
def test_what_is_observed_is_observed_by_every_run_and_nothing_of_it_is_gone(table: str) -> None:
    assert OBSERVED == ["account_balances"]
    for state in (TableState(), SEEN):
        assert planned(table, state) == Plan(planned(table, state).mode, (Walk(),), whole=False)


def test_what_is_charted_is_read_whole_by_every_run() -> None:
    assert CHARTED == ["stats"]
    for state in (TableState(), SEEN):
        planned_then = planned("stats", state)
        assert planned_then == Plan(planned_then.mode, (Walk(),), whole=True)


def test_the_age_at_which_a_run_becomes_full_is_a_setting() -> None:
    assert planned("payments", full_every=timedelta(days=3)).mode == "full"
    assert planned("payments", full_every=timedelta(days=4)).mode == "incremental"


def test_the_short_tables_are_read_whole_by_every_run() -> None:
    assert set(READ_WHOLE) >= {
        "companies",
        "products",
        "plans",
        "promo_codes",
        "authorized_users",
        "apps",
        "experiences",
        "affiliates",
        "shipments",
        "reviews",
        "company_token_transactions",
    }
    for table in READ_WHOLE:
        assert planned(table) == Plan("incremental", (Walk(),), whole=True)


@pytest.mark.parametrize("table", READ_IN_PART)
def test_new_rows_are_asked_for_from_the_cursor_less_the_overlap(table: str) -> None:
    found = planned(table)
    assert found.mode == "incremental"
    assert not found.whole
    assert found.walks[0] == Walk(ranges=(Range(HOUR_BEFORE_CURSOR),))


def test_the_overlap_is_a_setting_and_moves_both_windows() -> None:
    new, changed = planned("payments", overlap=timedelta(hours=3)).walks
    assert new == Walk(ranges=(Range(CURSOR - timedelta(hours=3)),))
    assert changed.params == {"updated_after": "2026-03-10T07:00:00.401Z"}


@pytest.mark.parametrize("table", READ_IN_PART)
def test_a_row_from_after_the_start_of_the_last_run_hides_none_before_it(table: str) -> None:
    for cursor in (LAST_RUN + timedelta(hours=1, minutes=30), NOW + timedelta(days=365)):
        found = planned(table, TableState(cursor, LAST_RUN, LAST_RUN))
        assert found.walks[0] == Walk(ranges=(Range(LAST_RUN - timedelta(hours=1)),))


@pytest.mark.parametrize("table", READ_IN_PART)
def test_a_table_that_was_empty_so_far_is_asked_for_everything_new(table: str) -> None:
    found = planned(table, TableState(None, LAST_RUN, LAST_RUN))
    assert found.walks[0] == Walk()
    assert not found.whole, "a run that is not full must not take a missing row for a deleted one"


def test_changed_payments_are_those_updated_since_the_last_run() -> None:
    _, changed = planned("payments").walks
    assert changed.params == {"updated_after": HOUR_BEFORE_LAST_RUN}
    assert changed.until is None


def test_payments_fall_back_to_the_lookback_and_the_open_ones() -> None:
    _, changed = planned("payments").walks
    assert changed.otherwise == (
        Walk(ranges=(Range(NOW - timedelta(days=180)),)),
        Walk({"statuses": OPEN_PAYMENT_STATUSES}),
    )
    _, changed = planned("payments", lookback=timedelta(days=10)).walks
    assert changed.otherwise[0] == Walk(ranges=(Range(NOW - timedelta(days=10)),))


def test_changed_memberships_are_all_that_are_live() -> None:
    _, live = planned("memberships").walks
    assert live == Walk({"statuses": LIVE_MEMBERSHIP_STATUSES})
    # Every status of the official client but the two that are ends.
    assert set(LIVE_MEMBERSHIP_STATUSES) == {
        "trialing",
        "active",
        "past_due",
        "completed",
        "unresolved",
        "drafted",
        "canceling",
    }


def test_changed_members_are_walked_from_the_newest_action_back_to_the_last_run() -> None:
    _, newest_first = planned("members").walks
    assert newest_first.params == {"order": "most_recent_action", "direction": "desc"}
    assert newest_first.until == ("most_recent_action_at", LAST_RUN - timedelta(hours=1))


def test_changed_payment_methods_wait_for_the_full_run() -> None:
    assert planned("payment_methods").walks == (Walk(ranges=(Range(HOUR_BEFORE_CURSOR),)),)


# What is remembered


@pytest.mark.parametrize("table", names([each for each in RESOURCES if each.created_at]))
def test_the_cursor_is_the_newest_row_that_was_read(table: str) -> None:
    newest = CURSOR + timedelta(hours=1)
    after = remember(BY_NAME[table], SEEN, "incremental", NOW, newest)
    assert after == TableState(newest, NOW, SEEN.last_full)


def test_the_cursor_never_moves_back() -> None:
    older = CURSOR - timedelta(days=30)
    assert remember(BY_NAME["payments"], SEEN, "incremental", NOW, older).cursor == CURSOR
    assert remember(BY_NAME["payments"], SEEN, "full", NOW, older).cursor == CURSOR
    assert remember(BY_NAME["payments"], SEEN, "incremental", NOW, None).cursor == CURSOR


def test_a_table_without_rows_has_no_cursor_yet() -> None:
    after = remember(BY_NAME["payments"], TableState(), "full", NOW, None)
    assert after == TableState(None, NOW, NOW)


@pytest.mark.parametrize("table", ["authorized_users", "apps"])
def test_rows_without_created_at_are_remembered_by_the_servers_time(table: str) -> None:
    assert not BY_NAME[table].created_at
    after = remember(BY_NAME[table], SEEN, "incremental", NOW, None)
    assert after == TableState(NOW, NOW, SEEN.last_full)


def test_a_full_run_is_remembered_as_one_and_an_incremental_run_is_not() -> None:
    full = remember(BY_NAME["members"], SEEN, "full", NOW, CURSOR)
    assert full == TableState(CURSOR, NOW, NOW)
    incremental = remember(BY_NAME["members"], full, "incremental", NOW + timedelta(days=1), CURSOR)
    assert incremental.last_full == NOW
    assert incremental.last_run == NOW + timedelta(days=1)


# A full pass in parts

LEFT = (Range(None, CURSOR - timedelta(days=9)), Range(CURSOR - timedelta(days=3), CURSOR))
UNDER_WAY = TableState(CURSOR, LAST_RUN, LAST_RUN, NOW, CURSOR + timedelta(hours=1), LEFT)


def test_a_pass_that_stopped_leaves_the_cursor_and_what_it_has_not_read() -> None:
    newest = CURSOR + timedelta(hours=1)
    before = TableState(CURSOR, LAST_RUN, LAST_RUN)
    assert remember(BY_NAME["payments"], before, "full", NOW, newest, LEFT) == UNDER_WAY


def test_a_pass_that_stopped_is_gone_on_with_however_young_it_is() -> None:
    assert planned("payments", UNDER_WAY, slice_rows=9) == Plan(
        "full", (Walk(ranges=LEFT),), True, 9
    )
    assert planned("payments", UNDER_WAY, full=True).walks == (Walk(ranges=LEFT),)


def test_what_must_be_written_anew_is_not_gone_on_with() -> None:
    """A part that kept names and e-mails is no part of a pass that was asked to drop them."""
    begun = TableState(CURSOR, LAST_RUN, LAST_RUN)
    assert renewed(UNDER_WAY, Settings(), None) == UNDER_WAY
    assert renewed(UNDER_WAY, Settings(full=True), None) == begun


def test_a_table_that_was_made_anew_is_read_whole_once() -> None:
    state = renewed(UNDER_WAY, Settings(), NOW)
    assert state == TableState(CURSOR, LAST_RUN, None, made_anew=NOW)
    assert planned("payments", state) == Plan("full", (Walk(),), True)
    after = remember(BY_NAME["payments"], state, "full", NOW, CURSOR)
    assert renewed(after, Settings(), NOW) == after
    assert planned("payments", after).mode == "incremental"
    assert renewed(after, Settings(), NOW + timedelta(days=1)).last_full is None


def test_the_end_of_a_pass_is_remembered_as_of_its_start_and_with_its_newest_row() -> None:
    # The newest rows were read by its first part.
    later = NOW + timedelta(days=2)
    after = remember(BY_NAME["payments"], UNDER_WAY, "full", later, CURSOR - timedelta(days=1))
    assert after == TableState(CURSOR + timedelta(hours=1), NOW, NOW)


@pytest.mark.parametrize(
    "state",
    [
        TableState(),
        SEEN,
        UNDER_WAY,
        replace(UNDER_WAY, api_version="2026-10-15-1", both_surfaces=True),
        TableState(made_anew=NOW, unreadable={"pay_1": ("paid_at", "total")}),
    ],
)
def test_state_survives_being_stored_as_json(state: TableState) -> None:
    assert load(json.loads(json.dumps(dump(state)))) == state


def test_what_an_older_release_kept_in_the_state_is_left_out() -> None:
    assert load({**dump(SEEN), "pass_position": CURSOR.isoformat()}) == SEEN


# Another version of Whop's API

L, C = "2025-01-01", "2026-10-15-1"


def planned_on_current(name: str, state: TableState = SEEN, **settings: Any) -> Plan:
    return plan(BY_NAME[name].on(CURRENT), state, NOW, Settings(**settings))


def test_a_table_read_in_another_version_is_read_whole_and_its_pass_begins_anew() -> None:
    before = replace(UNDER_WAY, api_version=L)
    state = on_version(before, C)
    assert state == TableState(CURSOR, LAST_RUN, api_version=C, both_surfaces=True)
    assert planned_on_current("payments", state).whole
    # Its part is remembered in the version it was read in, and gone on with there.
    part = remember(BY_NAME["payments"], state, "full", NOW, CURSOR, LEFT)
    assert on_version(part, C) == part
    assert planned_on_current("payments", part).walks == (Walk(ranges=LEFT),)
    done = remember(BY_NAME["payments"], part, "full", NOW, CURSOR)
    assert (done.api_version, done.both_surfaces, done.last_full) == (C, True, NOW)


def test_another_version_of_the_same_surface_is_read_whole_and_nothing_is_kept_for_it() -> None:
    state = on_version(replace(SEEN, api_version=C), "2026-10-20")
    assert (state.last_full, state.both_surfaces) == (None, False)


def test_what_a_release_without_versions_left_is_legacy_s() -> None:
    assert on_version(SEEN, L) == replace(SEEN, api_version=L)
    assert on_version(SEEN, C).last_full is None


def test_a_table_that_was_never_read_is_on_one_surface() -> None:
    assert on_version(TableState(), C) == TableState(api_version=C)


def test_payments_on_current_are_asked_for_by_each_open_status_and_by_what_the_ledger_names() -> (
    None
):
    half_a_year = Walk(ranges=(Range(NOW - timedelta(days=180)),))
    assert planned_on_current("payments") == Plan(
        "incremental",
        (
            Walk(ranges=(Range(HOUR_BEFORE_CURSOR),)),
            *(
                Walk({"status": status})
                for status in ("open", "authorized", "pending", "unresolved")
            ),
        ),
        whole=False,
        feed=FeedWalk(HOUR_BEFORE_LAST_RUN, otherwise=(half_a_year,)),
    )
    assert planned_on_current("payments", full=True).feed is None


def test_the_latest_action_has_another_name_on_current() -> None:
    (_, walk) = planned_on_current("members").walks
    assert walk.params == {"order": "most_recent_action_at", "direction": "desc"}


def test_rows_that_a_list_leaves_out_are_asked_for_by_name_in_a_full_pass() -> None:
    canceled = Walk({"status": "canceled"}, in_ranges=False)
    assert planned_on_current("entries", full=True).walks == (Walk(), canceled)
    assert Walk({"status": "pending"}) in planned_on_current("entries").walks


def test_members_on_current_are_not_cut_by_a_time_that_is_not_their_creation_s() -> None:
    assert BY_NAME["members"].ranged
    assert not BY_NAME["members"].on(CURRENT).ranged


# Lists that can only be read whole


@pytest.mark.parametrize(
    ("rows", "hours"),
    [(1_000, 0), (1_001, 0.2), (30_000, 3), (240_000, 24), (10_000_000, 24)],
)
def test_a_long_list_is_read_whole_the_more_seldom_the_longer_it_is(
    rows: int, hours: float
) -> None:
    state = TableState(CURSOR, LAST_RUN, LAST_RUN, last_whole=LAST_RUN, rows=rows)
    if hours:
        early = LAST_RUN + timedelta(hours=hours * 0.5)
        assert planned("shipments", state, now=early) == Plan("incremental", (), whole=False)
        assert planned("shipments", state, now=early, full=True).whole
        # A table of the business's own making stays short.
        assert planned("plans", state, now=early).whole
    due = planned("shipments", state, now=LAST_RUN + timedelta(hours=hours + 0.01))
    assert due == Plan("incremental", (Walk(),), whole=True)


def test_how_long_a_list_was_is_remembered_and_when_it_was_read() -> None:
    read = remember(BY_NAME["shipments"], SEEN, "incremental", NOW, CURSOR, rows=30_000)
    assert (read.last_whole, read.rows) == (NOW, 30_000)
    later = NOW + timedelta(hours=1)
    skipped = remember(BY_NAME["shipments"], read, "incremental", later, None)
    assert (skipped.last_whole, skipped.rows, skipped.last_run) == (NOW, 30_000, later)
    assert load(dump(skipped)) == skipped


# Ranges as parameters


def test_a_range_is_asked_for_a_millisecond_early_as_bounds_may_be_exclusive() -> None:
    start = datetime(2026, 3, 1, 12, 0, 0, 401_999, tzinfo=UTC)
    end = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
    assert Range().params == {}
    assert Range(start).params == {"created_after": "2026-03-01T12:00:00.400Z"}
    assert Range(start, end).params == {
        "created_after": "2026-03-01T12:00:00.400Z",
        "created_before": "2026-03-02T12:00:00.000Z",
    }
