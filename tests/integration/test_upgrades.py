"""What a run finds in the warehouse that is not as this release would have made it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import aging
import pytest
from aging import RELEASES, Columns
from dlt.load.load import Load
from loading import EVERY, TABLES, Line, Row, documented, expected
from warehouse import RAW_TABLES

from whop_elt.destination import DATASET, open_destination
from whop_elt.errors import ExitCode, PipelineError
from whop_elt.status import read_status
from whop_source.resources import BY_NAME
from whop_source.structure import missing_parts, told

STATES = {r.name: r.states_table for r in BY_NAME.values() if r.states_table}


def without(*columns: str) -> Columns:
    """The tables as a release had them to which these columns were yet to come."""
    return {
        table: [name for name in names if f"{table}.{name}" not in columns]
        for table, names in RAW_TABLES.items()
    }


def drop(line: Line, table: str, *columns: str) -> None:
    """Drop the table by hand, or columns of it."""
    with line.at_work():
        aging.drop(open_destination(line.warehouse.engine).pipeline, table, *columns)


def age(line: Line, release: Columns) -> dict[str, list[str]]:
    """Make the warehouse one of another release."""
    with line.at_work():
        return aging.age(open_destination(line.warehouse.engine).pipeline, release)


def found_missing(line: Line) -> dict[str, list[str]]:
    with line.at_work():
        return missing_parts(open_destination(line.warehouse.engine).pipeline)


def assert_table_equals_whop(line: Line, table: str) -> None:
    held = {key: row for key, row in line.rows(table).items() if not row["_whop_deleted_at"]}
    assert documented(table, held) == expected(line.business, table), table


def states(line: Line, table: str) -> list[Row]:
    return line.warehouse.read(STATES[table] or "", schema=DATASET)


@pytest.mark.parametrize(
    "release",
    [*RELEASES, "one before risk scores and joining dates"],
)
def test_a_warehouse_of_an_earlier_release_is_taken_over(loaded: Line, release: str) -> None:
    new_columns = ("payments.risk_score", "memberships.joined_at", "memberships.status")
    lacks = age(loaded, RELEASES[release] if release in RELEASES else without(*new_columns))
    had = RELEASES.get(release, RAW_TABLES)
    assert found_missing(loaded) == {
        name: [] if name not in had else columns
        for name, columns in lacks.items()
        # What people say themselves is loaded by the models' build, not by a sync; a table that is
        # new is loaded for the first time, and nothing of it is missing.
        if name != "given_plan_versions" and (name in had or name not in BY_NAME)
    }
    # A row is gone at Whop since, of each table that lost something: the warehouse is asked for it.
    loaded.server.advance(timedelta(hours=1))
    gone = {}
    for table in ("memberships", "payments"):
        gone[table] = loaded.business.rows(table)[0]["id"]
        loaded.business.remove(table, gone[table])

    run = loaded.sync()
    assert run.code is ExitCode.OK, run.outcomes()
    assert found_missing(loaded) == {}
    # What was aged keeps the cursors of tables that are new, which a real one has not.
    for table in lacks.keys() & set(TABLES) & had.keys():
        assert run[table].mode == "full", table
        assert_table_equals_whop(loaded, table)
    for table in STATES:
        held = {row["id"] for row in states(loaded, table)}
        assert held >= {row["id"] for row in loaded.rows(table).values()}, table
    for table in gone:
        if table in lacks:
            assert loaded.rows(table)[gone[table]]["_whop_deleted_at"] == loaded.server.clock
    loaded.server.advance(timedelta(hours=1))
    assert {each.mode for each in loaded.sync().report.tables} == {"incremental"}


def test_the_first_run_that_keeps_plan_states_writes_every_plan_once(loaded: Line) -> None:
    age(loaded, RELEASES["0.1.0"])
    loaded.server.advance(timedelta(hours=1))
    loaded.sync()
    plans = loaded.rows("plans")
    first = states(loaded, "plans")
    assert documented("plans", {row["id"]: row for row in first}) == documented("plans", plans)
    assert len(first) == len(plans)

    # Known and unchanged, a plan gives no row; changed, it gives one.
    loaded.server.advance(timedelta(hours=1))
    changed = loaded.business.rows("plans")[0]
    loaded.business.put("plans", {**changed, "renewal_price": 4321.5})
    run = loaded.sync()
    later = states(loaded, "plans")
    assert len(later) - len(first) == run["plans"].rows_changed + run["plans"].rows_new
    assert len(later) - len(first) < len(plans)
    (new,) = (row for row in later if row["renewal_price"] == Decimal("4321.5"))
    assert new["id"] == changed["id"]


@pytest.mark.parametrize("table", ["payments", "memberships", "plans", "plan_states", "sync_runs"])
def test_a_dropped_table_is_made_anew_and_read_whole(loaded: Line, table: str) -> None:
    drop(loaded, table)
    assert found_missing(loaded) == {table: []}
    (says,) = told(found_missing(loaded))
    assert says.startswith(f"{table} is not there: dropped")
    if table != "sync_runs":
        with loaded.at_work():
            assert read_status(open_destination(loaded.warehouse.engine))["missing"] == [says]
    loaded.server.advance(timedelta(hours=1))
    run = loaded.sync()
    assert run.code is ExitCode.OK, run.outcomes()
    assert found_missing(loaded) == {}
    read_whole = {"plan_states": "plans", "sync_runs": None}.get(table, table)
    assert {t.table for t in run.report.tables if t.mode == "full"} == {read_whole} - {None}
    if read_whole:
        assert_table_equals_whop(loaded, read_whole)
    if table == "plan_states":
        assert {row["id"] for row in states(loaded, "plans")} == loaded.rows("plans").keys()
    if table == "sync_runs":
        assert loaded.sync_runs(run).keys() == set(EVERY)


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("payments", ("status", "created_at", "metadata")),
        ("payments", ("_whop_deleted_at", "_whop_extra")),
        ("memberships", ("status", "user__id")),
        ("membership_states", ("renewal_period_end",)),
        ("sync_runs", ("notes",)),
    ],
)
def test_a_dropped_column_is_made_anew_and_filled_in_every_row(
    loaded: Line, table: str, columns: tuple[str, ...]
) -> None:
    drop(loaded, table, *columns)
    assert {name: set(lost) for name, lost in found_missing(loaded).items()} == {
        table: set(columns)
    }
    loaded.server.advance(timedelta(hours=1))
    run = loaded.sync()
    assert run.code is ExitCode.OK, run.outcomes()
    assert found_missing(loaded) == {}
    if table in BY_NAME:
        assert run[table].mode == "full"
        assert_table_equals_whop(loaded, table)
    assert loaded.sync().code is ExitCode.OK


def test_what_was_made_anew_is_read_whole_although_that_run_was_killed(
    loaded: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The column is there when the next run looks, and empty."""
    drop(loaded, "payments", "status")
    loaded.server.advance(timedelta(hours=1))
    original = Load.initialize_package

    def killed(*args: Any, **kwargs: Any) -> None:
        original(*args, **kwargs)
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(Load, "initialize_package", killed)
        with pytest.raises(PipelineError, match="killed"):
            loaded.sync()
    assert found_missing(loaded) == {}
    assert {row["status"] for row in loaded.rows("payments").values()} == {None}
    assert loaded.sync()["payments"].mode == "full"
    assert_table_equals_whop(loaded, "payments")


def test_a_table_without_the_column_its_rows_are_told_apart_by_is_named(loaded: Line) -> None:
    loaded.warehouse.execute(f"alter table {DATASET}.payments drop column company_id")
    with pytest.raises(PipelineError, match=r"payments has lost company_id.*: drop the table"):
        loaded.sync()
    drop(loaded, "payments")
    assert loaded.sync().code is ExitCode.OK
    assert_table_equals_whop(loaded, "payments")


def test_a_state_that_comes_back_or_is_gone_is_a_line_of_its_own(loaded: Line) -> None:
    plan, gone = (loaded.business.rows(table)[0] for table in ("plans", "memberships"))
    for change in ({"title": "Another"}, {}):
        loaded.server.advance(timedelta(hours=1))
        loaded.business.put("plans", {**plan, **change})
        loaded.sync(None, "plans")
    loaded.business.remove("memberships", gone["id"])
    loaded.sync(None, "memberships", full=True)
    logs = "stg_whop__plan_states stg_whop__membership_states"
    loaded.warehouse.dbt("build", "--select", *logs.split())
    lines = loaded.warehouse.query(
        "select plan_id, title from whop_staging.stg_whop__plan_states order by synced_at"
    )
    titles = [line["title"] for line in lines if line["plan_id"] == plan["id"]]
    assert titles == [plan["title"], "Another", plan["title"]]
