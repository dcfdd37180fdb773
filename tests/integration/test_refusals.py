"""What a run does when Whop does not play along: it stops what it must, and no more than that."""

from __future__ import annotations

import os
import signal
from contextlib import chdir
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import new_business
from dlt import Pipeline
from dlt.pipeline.exceptions import PipelineStepFailed
from loading import FAST, OWN_COLUMNS, TABLES, Line, Run, documented

from whop_elt.destination import open_destination
from whop_elt.errors import ExitCode, Locked
from whop_elt.run import locked_destination
from whop_simulator import ALL_PERMISSIONS, Business, Fault, serve
from whop_simulator.faults import FaultKind
from whop_source import whop
from whop_source.resources import BY_NAME
from whop_source.surface import LEGACY

pytestmark = pytest.mark.both_surfaces

DAYS = timedelta(days=3)
SOME = ("companies", "products", "plans", "promo_codes", "members", "payments")


def moved(line: Line, run: Run, table: str) -> bool:
    row = line.sync_runs(run)[table]
    return bool(row["cursor_before"] != row["cursor_after"])


# Nothing half-read is loaded, and no cursor moves


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=503, since=2),
        Fault("repeat_cursor"),
    ],
    ids=lambda fault: fault.kind,
)
def test_a_table_that_cannot_be_read_to_its_end_stays_as_it_was(loaded: Line, fault: Fault) -> None:
    before = loaded.rows("payments")
    loaded.server.advance(DAYS)
    loaded.server.faults.add("GET /payments", replace(fault))
    run = loaded.sync(None, "payments", "members", full=True)
    assert run.code is ExitCode.FAILED
    assert run.outcomes() == {"payments": "failed", "members": "ok"}
    assert run["payments"].error
    assert "GET /payments" in run["payments"].error
    assert loaded.rows("payments") == before
    assert not moved(loaded, run, "payments")
    assert run["members"].rows_new > 0
    assert moved(loaded, run, "members")

    loaded.server.faults.clear()
    healed = loaded.sync(None, "payments")
    assert healed.code is ExitCode.OK
    assert healed["payments"].mode == "incremental"
    assert healed["payments"].cursor_before == run["payments"].cursor_after
    wanted = loaded.expected("payments")
    assert documented("payments", loaded.rows("payments")).keys() == wanted.keys()


def test_troubles_that_pass_are_not_seen_in_the_rows(loaded: Line) -> None:
    loaded.server.advance(DAYS)
    kinds: tuple[FaultKind, ...] = ("status", "drop", "html", "cut")
    for number, kind in enumerate(kinds, start=1):
        loaded.server.faults.add("GET /payments", Fault(kind, at=[number + number // 3]))
    run = loaded.sync(None, "payments", full=True, max_attempts=6)
    assert run.code is ExitCode.OK
    assert loaded.sync_runs(run)["payments"]["retries"] >= 3
    assert documented("payments", loaded.rows("payments")) == loaded.expected("payments")


def test_a_first_load_that_fails_leaves_the_table_empty_and_whole(empty: Line) -> None:
    empty.server.faults.add("GET /members", Fault("status", status=500))
    run = empty.sync(None, "members", "apps")
    assert run.code is ExitCode.FAILED
    assert empty.rows("members") == {}
    wanted = set(BY_NAME["members"].columns) | set(OWN_COLUMNS)
    assert set(empty.column_types()["members"]) == wanted
    assert empty.sync_runs(run)["members"]["cursor_after"] is None
    assert empty.rows("apps")

    empty.server.faults.clear()
    assert empty.sync(None, "members", "apps")["members"].mode == "full"
    assert documented("members", empty.rows("members")) == empty.expected("members")


def test_a_rate_limit_is_waited_out(loaded: Line) -> None:
    with serve(loaded.business, rate_limit=3, rate_window=0.4, retry_after=True) as server:
        run = loaded.sync(server, "payments", full=True, max_attempts=8)
    assert run.code is ExitCode.OK
    assert run["payments"].retries > 0
    assert documented("payments", loaded.rows("payments")) == loaded.expected("payments")


# Permissions


def test_a_missing_permission_costs_its_table_only(empty: Line) -> None:
    allowed = ALL_PERMISSIONS - {"company:authorized_user:read"}
    with serve(new_business(), permissions=allowed) as server:
        run = empty.sync(server, "members", "authorized_users", "apps")
    assert run.code is ExitCode.PARTLY
    assert run.outcomes() == {"members": "ok", "authorized_users": "forbidden", "apps": "ok"}
    error = run["authorized_users"].error
    assert error is not None
    _, advice = error.rsplit(".", 1)
    assert "API key" in advice
    assert "company:authorized_user:read" in advice
    assert empty.rows("members")
    assert empty.rows("authorized_users") == {}
    wanted = set(BY_NAME["authorized_users"].columns) | set(OWN_COLUMNS)
    assert set(empty.column_types()["authorized_users"]) == wanted
    row = empty.sync_runs(run)["authorized_users"]
    assert (row["status"], row["error"], row["cursor_after"]) == ("forbidden", error, None)


def test_a_permission_that_is_withdrawn_leaves_the_rows_of_the_last_good_run(
    loaded: Line,
) -> None:
    before = loaded.rows("payment_methods")
    with serve(
        loaded.business, permissions=ALL_PERMISSIONS - {"member:payment_methods:read"}
    ) as server:
        server.advance(DAYS)
        run = loaded.sync(server, "payment_methods", "plans", full=True)
    assert run.code is ExitCode.PARTLY
    assert loaded.rows("payment_methods") == before
    assert not moved(loaded, run, "payment_methods")


def test_without_the_company_s_own_permission_everything_else_loads(empty: Line) -> None:
    with serve(new_business(), permissions=ALL_PERMISSIONS - {"company:basic:read"}) as server:
        run = empty.sync(server, "companies", "members")
    assert run.code is ExitCode.PARTLY
    assert run.outcomes() == {"companies": "forbidden", "members": "ok"}
    assert len(empty.rows("members")) == 80


# The key and the company


def test_a_refused_key_loads_nothing_and_names_its_setting(loaded: Line) -> None:
    before = loaded.contents("payments", "companies")
    run = loaded.sync(None, "payments", "companies", api_key="wrong")
    assert run.code is ExitCode.SETTING
    assert run.report.refused
    (why,) = run.report.unread.values()
    assert "SOURCES__WHOP__API_KEY" in why
    assert "wrong" not in why
    # A company that was loaded before has the failure in its record.
    assert {row["status"] for row in loaded.sync_runs(run).values()} == {"failed"}
    assert loaded.contents("payments", "companies") == before


@pytest.mark.parametrize("company", ["biz_unknown"])
def test_a_company_that_is_not_there_loads_nothing_and_names_its_setting(
    loaded: Line, company: str
) -> None:
    run = loaded.sync(None, "payments", company_id=company)
    assert run.code is ExitCode.SETTING
    assert run.report.refused
    (why,) = run.report.unread.values()
    assert "SOURCES__WHOP__COMPANY_ID" in why
    # An id that was perhaps a slip leaves no trace that would stay red in `status` for ever.
    assert not loaded.sync_runs(run)
    assert {row["company_id"] for row in loaded.rows("payments").values()} == {
        loaded.business.company_id
    }


def test_a_key_knows_its_company(empty: Line) -> None:
    run = empty.sync(None, "companies", "members", company_id=None)
    assert run.code is ExitCode.OK
    assert {row["company_id"] for row in empty.rows("members").values()} == {
        empty.business.company_id
    }
    again = empty.sync(None, "companies", "members")
    assert again["members"].mode == "incremental", "the same company, named, has other cursors"


# Rows of another company


def foreign(row: dict[str, Any], **ids: str) -> dict[str, Any]:
    return {**row, **ids, "company": {**(row.get("company") or {}), "id": "biz_other"}}


def test_a_row_of_another_company_stops_its_table_and_no_other(loaded: Line) -> None:
    before = loaded.rows("payments")
    loaded.server.advance(DAYS)
    stray = loaded.business.row("payments", loaded.business.rows("payments")[-1]["id"])
    loaded.business.put("payments", foreign(stray, id="pay_stray"))
    run = loaded.sync(None, "payments", "promo_codes", "memberships")
    assert run.code is ExitCode.FAILED
    assert run.outcomes() == {"payments": "failed", "promo_codes": "ok", "memberships": "ok"}
    error = run["payments"].error
    assert error is not None
    for part in ("pay_stray", "biz_other", "nothing of this table was loaded"):
        assert part in error
    assert loaded.rows("payments") == before
    assert not moved(loaded, run, "payments")
    assert run["memberships"].rows_new > 0


@pytest.mark.parametrize("warm", [False, True], ids=["first run", "later run"])
def test_a_list_that_ignores_the_company_loads_nothing_of_the_marketplace(
    empty: Line, loaded: Line, warm: bool
) -> None:
    """/products, asked by a name it does not know, answers with everybody's products."""
    line = loaded if warm else empty
    before = line.rows("products") if warm else {}
    other = "account_id" if line.surface is LEGACY else "company_id"
    with serve(line.business, tenant={"/products": other}, unknown="ignore") as server:
        run = line.sync(server, "products", "promo_codes")
    assert run.code is ExitCode.FAILED
    assert run.outcomes() == {"products": "failed", "promo_codes": "ok"}
    assert "belongs to" in str(run["products"].error)
    assert line.rows("products") == before
    assert line.rows("promo_codes")


@pytest.mark.only_on("legacy", reason="no endpoint of Current has the company's older name")
def test_an_endpoint_that_wants_the_company_under_its_other_name_gets_it(empty: Line) -> None:
    names = {"/members": "account_id", "/plans": "account_id"}
    with serve(new_business(), tenant=names) as server:
        run = empty.sync(server, "members", "plans")
    assert run.code is ExitCode.OK
    assert len(empty.rows("members")) == 80
    assert empty.rows("plans")
    assert all("account_id" in query for query in run.asked("GET /members")[1:])


# Several companies


def test_two_companies_share_a_warehouse_each_with_its_own_cursors(loaded: Line) -> None:
    mine, other = loaded.business, Business(seed=12, members=60, years=1)
    both = [mine.company_id, other.company_id]
    with serve(mine, other) as server:
        first = loaded.sync(server, *SOME, company_ids=both)
        assert first.code is ExitCode.OK
        modes = {(each.company_id, each.table): each.mode for each in first.report.tables}
        for table in SOME:
            assert modes[mine.company_id, table] == "incremental"
            assert modes[other.company_id, table] == "full"
            held = loaded.rows(table, other.company_id)
            assert documented(table, held) == loaded.expected(table, other), table
            assert loaded.rows(table, mine.company_id).keys() == loaded.expected(table, mine).keys()

        server.advance(DAYS)
        second = loaded.sync(server, *SOME, company_ids=both)
        assert {each.mode for each in second.report.tables} == {"incremental"}
        for business in (mine, other):
            for table in ("payments", "members"):
                held = loaded.rows(table, business.company_id)
                assert held.keys() == loaded.expected(table, business).keys()
        cursors = {
            each.company_id: each.cursor_before
            for each in second.report.tables
            if each.table == "payments"
        }
        assert len(set(cursors.values())) == 2


def test_a_payment_method_of_a_customer_of_two_companies_is_there_once_for_each(
    empty: Line,
) -> None:
    mine, other = new_business(), Business(seed=12, members=60, years=1)
    shared = mine.row("payment_methods", mine.rows("payment_methods")[0]["id"])
    other.put("payment_methods", shared)
    with serve(mine, other) as server:
        for _ in range(2):
            run = empty.sync(
                server,
                "payment_methods",
                company_ids=[mine.company_id, other.company_id],
                full=True,
            )
            assert run.code is ExitCode.OK
            for each in (mine, other):
                # `rows` sees to it that no id is there twice.
                held = empty.rows("payment_methods", each.company_id)
                assert len(held) == len(each.rows("payment_methods"))
                assert held[shared["id"]]["_whop_deleted_at"] is None


def test_one_company_that_fails_leaves_the_other_s_data_loaded(loaded: Line) -> None:
    mine, other = loaded.business, Business(seed=12, members=60, years=1)
    stray = foreign(other.row("payments", other.rows("payments")[0]["id"]), id="pay_stray")
    other.put("payments", stray)
    with serve(mine, other) as server:
        server.advance(DAYS)
        ids = [mine.company_id, other.company_id, "biz_unknown"]
        run = loaded.sync(server, "payments", "promo_codes", company_ids=ids)
    assert run.code is ExitCode.FAILED
    outcomes = {(each.company_id, each.table): each.status for each in run.report.tables}
    assert outcomes == {
        (mine.company_id, "payments"): "ok",
        (mine.company_id, "promo_codes"): "ok",
        (other.company_id, "payments"): "failed",
        (other.company_id, "promo_codes"): "ok",
    }
    assert list(run.report.unread) == ["biz_unknown"]
    assert loaded.rows("payments").keys() == loaded.expected("payments", mine).keys()
    assert loaded.rows("promo_codes", other.company_id)


# The source on its own, without the pipeline around it


def test_without_a_report_an_error_is_raised_and_nothing_is_loaded(loaded: Line) -> None:
    before = loaded.contents("payments", "members")
    server = loaded.server
    server.advance(DAYS)
    server.faults.add("GET /payments", Fault("status", status=500))
    with loaded.at_work():
        pipeline = open_destination(loaded.warehouse.engine).pipeline
        source = whop(
            api_key=server.api_key,
            base_url=server.base_url,
            company_id=loaded.business.company_id,
            tables=["payments", "members"],
            **FAST,
        )
        with pytest.raises(PipelineStepFailed, match="GET /payments"):
            pipeline.run(source)
    assert loaded.contents("payments", "members") == before


def test_settings_that_contradict_or_do_not_exist_are_named() -> None:
    with pytest.raises(ValueError, match="not both"):
        whop(api_key="x", company_id="biz_a", company_ids=["biz_b"])
    with pytest.raises(ValueError, match="No table orders") as caught:
        whop(api_key="x", tables=["payments", "orders"])
    assert all(table in str(caught.value) for table in TABLES)
    with pytest.raises(ValueError, match="LOOKBACK_DAYS is -5; it can be 0 or more"):
        whop(api_key="x", lookback_days=-5)
    for days in (float("inf"), float("nan"), 1e99):
        with pytest.raises(ValueError, match=r"LOOKBACK_DAYS is .*; it can be 0 or more, up to"):
            whop(api_key="x", lookback_days=days)
    with pytest.raises(ValueError, match="MAX_ATTEMPTS is 0; it can be 1 or more"):
        whop(api_key="x", max_attempts=0)


@pytest.mark.only_on("postgres", reason="a DuckDB file is opened by one process at a time")
def test_two_runs_on_one_postgres_are_one_too_many(loaded: Line, tmp_path: Path) -> None:
    """Also when they run in different folders, where no lock file can tell."""
    with loaded.at_work(), locked_destination("postgres"):
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        with (
            chdir(elsewhere),
            pytest.raises(Locked, match="Postgres process"),
            locked_destination("postgres"),
        ):
            pass
    with loaded.at_work(), locked_destination("postgres") as destination:
        assert destination.name == "postgres"


@pytest.mark.only_on("legacy", reason="about dlt, whatever the surface")
def test_an_interrupt_while_loading_is_heeded(
    loaded: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dlt ends what it is writing, and returns as if nothing had been."""
    load = Pipeline.load

    def interrupted(*arguments: Any, **settings: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return load(*arguments, **settings)

    monkeypatch.setattr(Pipeline, "load", interrupted)
    with pytest.raises(KeyboardInterrupt):
        loaded.sync(None, "apps")
