"""The first run into an empty warehouse: afterwards it holds what Whop has."""

from __future__ import annotations

from datetime import datetime

import pytest
from conftest import FirstLoad
from loading import EVERY, OWN_COLUMNS, TABLES, Line, documented, left_out
from on_current import rows_of
from warehouse import RAW_TABLES, SQL_TYPES

from whop_elt.destination import DATASET
from whop_elt.errors import ExitCode
from whop_simulator import Business, serve
from whop_source.resources import BY_NAME
from whop_source.surface import CURRENT, LEGACY

pytestmark = pytest.mark.both_surfaces


@pytest.mark.parametrize("table", TABLES)
def test_the_warehouse_equals_whop_row_by_row_and_column_by_column(
    first_load: FirstLoad, table: str
) -> None:
    line = first_load.line
    held = line.rows(table)
    assert documented(table, held) == line.expected(table)
    assert held, f"the simulator has no {table}, so nothing was compared"


def test_the_run_was_full_and_says_so(first_load: FirstLoad) -> None:
    run = first_load.run
    assert run.code is ExitCode.OK
    assert set(run.outcomes()) == set(EVERY)
    for table in run.report.tables:
        assert (table.mode, table.status, table.notes) == ("full", "ok", [])
        held = len(first_load.line.rows(table.table))
        assert (table.rows_new, table.rows_changed, table.rows_deleted) == (held, 0, 0)


@pytest.mark.parametrize("table", TABLES)
def test_every_row_says_whose_it_is_when_it_was_read_and_by_which_load(
    first_load: FirstLoad, table: str
) -> None:
    line = first_load.line
    (load_id,) = {row["load_id"] for row in line.warehouse.read("_dlt_loads", schema=DATASET)}
    rows = list(line.rows(table).values())
    for row in rows:
        assert row["company_id"] == line.business.company_id
        assert row["_whop_synced_at"] == line.server.clock
        assert row["_whop_deleted_at"] is None
        assert row["_dlt_load_id"] == load_id
    assert len({row["_dlt_id"] for row in rows}) == len(rows)


@pytest.mark.parametrize("table", TABLES)
def test_every_field_of_the_simulator_has_a_column(first_load: FirstLoad, table: str) -> None:
    extras = {key: row["_whop_extra"] for key, row in first_load.line.rows(table).items()}
    assert {key: extra for key, extra in extras.items() if extra is not None} == {}


def test_columns_have_their_declared_types(first_load: FirstLoad) -> None:
    line = first_load.line
    spelled = {"varchar": {"varchar", "character varying", "text"}}
    spelled |= {"timestamptz": {"timestamp with time zone"}}
    spelled |= {"decimal(38, 9)": {"decimal(38,9)"}, "numeric(38, 9)": {"numeric"}}
    held = line.column_types()
    for table in (*TABLES, "membership_states", "plan_states"):
        assert set(held[table]) == set(RAW_TABLES[table])
        for name, kind in RAW_TABLES[table].items():
            wanted = SQL_TYPES[line.warehouse.engine][kind]
            assert held[table][name] in spelled.get(wanted, {wanted}), f"{table}.{name}"


def test_trials_and_free_plans_are_there(first_load: FirstLoad) -> None:
    if first_load.line.surface is LEGACY:  # on Current they are always in the list
        asked = first_load.run.asked("GET /payments")
        assert {query["include_free"] for query in asked} == {"true"}
    free = [row for row in first_load.line.rows("payments").values() if row["total"] == 0]
    assert free


def test_plans_and_products_that_lists_leave_out_are_fetched_by_id(first_load: FirstLoad) -> None:
    line, run = first_load.line, first_load.run
    for table in ("plans", "products"):
        hidden = {row["id"] for row in line.business.rows(table) if left_out(table, row)}
        assert hidden & line.rows(table).keys()
        assert (f"{line.operation(table)}/{{id}}", {}) in run.log


def test_one_request_per_page_and_none_that_is_not_needed(first_load: FirstLoad) -> None:
    line, run = first_load.line, first_load.run
    on_current = line.surface is CURRENT
    for table in TABLES:
        resource = BY_NAME[table]
        if resource.observes:
            continue
        if resource.listed or (on_current and table == "reviews"):
            own = on_current and not resource.one_endpoint
            rows = rows_of(line.business, table) if own else line.business.rows(table)
            listed = [row for row in rows if not left_out(table, row)]
            requests = [name for name, _ in run.log if name == line.operation(table)]
            wanted = max(1, -(-len(listed) // 100))
            # The canceled ones have to be asked for by name.
            wanted += on_current and table == "entries"
            # What was sent and what was got are two lists.
            wanted += table == "transfers"
            assert len(requests) == wanted, table


def test_no_secret_is_in_the_warehouse(first_load: FirstLoad) -> None:
    line = first_load.line
    tokens = [line.business.row("apps", key)["api_key"]["token"] for key in line.rows("apps")]
    assert all(tokens)
    text = str([line.warehouse.read(table, schema=DATASET) for table in line.column_types()])
    for secret in (*tokens, line.server.api_key):
        assert secret not in text
    assert not {"api_key", "secrets"} & set(line.column_types()["apps"])


def test_sync_runs_has_a_row_per_table(first_load: FirstLoad) -> None:
    line, run = first_load.line, first_load.run
    held = line.sync_runs(run)
    assert held.keys() == set(EVERY)
    for table in run.report.tables:
        row = held[table.table]
        for name in ("requests", "retries", "rows_read", "rows_new", "rows_changed"):
            assert row[name] == getattr(table, name)
        assert (row["mode"], row["status"], row["error"]) == ("full", "ok", None)
        assert row["cursor_before"] is None
        assert row["started_at"] <= row["finished_at"]
        assert row["seconds"] >= 0
    assert sum(row["requests"] for row in held.values()) == len(run.log)


def test_cursors_are_the_newest_rows(first_load: FirstLoad) -> None:
    line = first_load.line
    for table, row in line.sync_runs(first_load.run).items():
        if BY_NAME[table].created_at:
            moment = max(held["created_at"] for held in line.rows(table).values())
        else:
            moment = line.server.clock
        assert datetime.fromisoformat(row["cursor_after"]) == moment


def test_every_membership_has_a_first_state(first_load: FirstLoad) -> None:
    line = first_load.line
    assert documented("memberships", line.rows("membership_states")) == documented(
        "memberships", line.rows("memberships")
    )


def test_an_empty_company_makes_all_tables_with_all_columns(empty: Line) -> None:
    with serve(Business.empty()) as server:
        run = empty.sync(server)
        assert run.code is ExitCode.OK
        (company,) = empty.rows("companies").values()
        assert company["id"] == server.businesses[0].company_id
    held = empty.column_types()
    for table in (*TABLES, "membership_states", "plan_states"):
        of = {"membership_states": "memberships", "plan_states": "plans"}.get(table, table)
        assert set(held[table]) == set(BY_NAME[of].columns) | set(OWN_COLUMNS)
        if table != "companies":
            assert not empty.rows(table)
    assert empty.sync_runs(run).keys() == set(EVERY)


def test_columns_without_a_single_value_exist(first_load: FirstLoad) -> None:
    held = first_load.line.rows("payments")
    unfilled = {
        name
        for name in BY_NAME["payments"].columns
        if all(row[name] is None for row in held.values())
    }
    if first_load.line.surface is CURRENT:
        assert {"settlement_exchange_rate", "disputes", "membership__status"} <= unfilled
    else:
        # Fields of the object alone, which no list has, and of Current.
        assert {"risk_score", "settlement_amount", "disputes", "presentment_total"} <= unfilled


def test_an_empty_text_is_not_null(empty: Line) -> None:
    key = empty.business.rows("payments")[0]["id"]
    row = {**empty.business.row("payments", key), "failure_message": "", "card_brand": None}
    empty.business.put("payments", row)
    empty.sync()
    loaded = empty.rows("payments")[key]
    assert (loaded["failure_message"], loaded["card_brand"]) == ("", None)
