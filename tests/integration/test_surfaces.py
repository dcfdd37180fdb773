"""Both surfaces of Whop's API, one warehouse: the same tables, a change of surface, refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from conftest import FirstLoad
from loading import OWN_COLUMNS, TABLES, Line, Run, Table, documented

from whop_elt.errors import ExitCode
from whop_simulator import Business, Server, options, serve
from whop_source.client import WhopClient
from whop_source.resources import BY_NAME
from whop_source.surface import CURRENT, LEGACY, Shape

LEGACY_SETTING: dict[str, Any] = {"api_version": LEGACY.version}
ON_CURRENT: dict[str, Any] = {"api_version": CURRENT.version}
SOME = ("payments", "memberships", "members", "promo_codes", "payment_methods")

MOVED: Mapping[str, tuple[str, ...]] = {
    # Legacy's amounts are in the buyer's currency, Current's in the one the payment settles in.
    "payments": ("currency", "total", "subtotal", "tax_amount", "refunded_amount"),
    # An empty one is null on Legacy.
    "memberships": ("metadata",),
    # Objects within, which Current has with more fields.
    "companies": ("social_links",),
    "products": ("gallery_images",),
    # Null in Current's list.
    "apps": ("base_url",),
    # Null on Current while it has not succeeded; a fee of nothing, and no metadata, on Legacy.
    "transfers": ("amount", "currency", "fee_amount", "metadata"),
}
"""Columns in which the two surfaces may say another thing of the same row."""


def new_business() -> Business:
    return Business(members=80, years=1.5)


def shared(table: str) -> list[str]:
    """Columns that both surfaces fill with the same."""
    resource = BY_NAME[table]
    apart = {
        *resource.on(LEGACY).lacks,
        *resource.on(CURRENT).lacks,
        *MOVED.get(table, ()),
    }
    return [name for name in resource.columns if name not in apart]


def of_both(table: str, rows: Table) -> Table:
    """What must be the same on both surfaces, of the rows that Legacy lists."""
    return {
        key: {name: row[name] for name in shared(table)}
        for key, row in rows.items()
        if not key.startswith("ausri_") and row["_whop_deleted_at"] is None
    }


@pytest.fixture
def on_current(empty: Line) -> Line:
    """A warehouse that was first loaded on Current."""
    assert empty.sync(**ON_CURRENT).code is ExitCode.OK
    return empty


# The same tables


def test_a_first_load_on_current_is_that_on_legacy(on_current: Line, first_load: FirstLoad) -> None:
    for table in TABLES:
        here, there = on_current.rows(table), first_load.line.rows(table)
        assert of_both(table, here) == of_both(table, there), table
        assert here, table
    assert on_current.column_types() == first_load.line.column_types()


def test_an_amount_is_in_the_currency_that_its_row_names(
    on_current: Line, first_load: FirstLoad
) -> None:
    legacy = first_load.line.rows("payments")
    for key, row in on_current.rows("payments").items():
        assert row["currency"] == row["settlement_currency"] == legacy[key]["settlement_currency"]
        assert row["usd_total"] == legacy[key]["usd_total"]
        if legacy[key]["currency"] == row["currency"]:
            assert row["total"] == legacy[key]["total"]
        else:
            assert row["presentment_currency"] == legacy[key]["currency"]
            assert row["presentment_total"] == legacy[key]["total"]
    assert any(row["presentment_currency"] for row in on_current.rows("payments").values())


def test_promo_codes_are_in_percent_on_both(on_current: Line, first_load: FirstLoad) -> None:
    rows = on_current.rows("promo_codes")
    percent = [row["amount_off"] for row in rows.values() if row["promo_type"] == "percentage"]
    assert percent
    assert min(percent) >= 1
    assert documented("promo_codes", rows, *BY_NAME["promo_codes"].on(LEGACY).lacks,
                      "company__id", "company__title") == documented(
        "promo_codes", first_load.line.rows("promo_codes"),
        *BY_NAME["promo_codes"].on(LEGACY).lacks, "company__id", "company__title")  # fmt: skip


def test_nothing_that_opens_something_is_loaded_on_current(on_current: Line) -> None:
    for table in TABLES:
        for row in on_current.rows(table).values():
            text = json.dumps(row, default=str)
            for name in ("client_secret", "recovery_url", "secret_key", "preview_token"):
                assert name not in text, (table, name)
            assert row["_whop_extra"] is None, table


# Later runs


def test_a_run_with_nothing_new_on_current_changes_nothing(on_current: Line) -> None:
    before = on_current.contents(*TABLES, "membership_states")
    on_current.server.advance(timedelta(seconds=1))
    run = on_current.sync(**ON_CURRENT)
    assert run.code is ExitCode.OK
    after = on_current.contents(*TABLES, "membership_states")
    for table in ("companies", *before):
        if table != "companies":
            assert after[table] == before[table], table
    assert {each.mode for each in run.report.tables} == {"incremental"}


def test_after_some_days_current_equals_whop_again(on_current: Line, empty: Line) -> None:
    on_current.server.advance(timedelta(days=3))
    run = on_current.sync(**ON_CURRENT)
    assert run.code is ExitCode.OK
    assert run["payments"].rows_new and run["payments"].rows_changed
    seen = on_current.contents()
    whole = on_current.sync(**ON_CURRENT, full=True)
    # A hold ends at the time that it says, and nothing tells of it.
    ended = 0
    for table in TABLES:
        rows = on_current.rows(table)
        if table == "payments":
            ended = sum(row["holds"] != seen[table][key]["holds"] for key, row in rows.items())
            for known in (rows, seen[table]):
                for row in known.values():
                    row |= dict.fromkeys(("holds", *OWN_COLUMNS))
        if table != "companies":
            assert rows == seen[table], table
    changed = {each.table: each.rows_changed for each in whole.report.tables if each.rows_changed}
    changed.pop("companies", None)
    assert changed == ({"payments": ended} if ended else {})


def put(business: Business, table: str, key: str, **fields: Any) -> None:
    business.put(table, {**business.row(table, key), **fields})


@pytest.mark.parametrize("table", ["refunds", "disputes", "dispute_alerts"])
def test_an_old_payment_that_a_row_of_another_table_names_is_read_again(
    on_current: Line, table: str
) -> None:
    """It is in no window of new ones, no list filters on a change, and no ledger tells of it."""
    business = on_current.business
    old = (business.clock - timedelta(days=200)).isoformat()
    payment = next(
        row
        for row in business.rows("payments")
        if row["created_at"] < old and row["status"] == "paid" and row["substatus"] == "succeeded"
    )
    with serve(business, retired=("/financial_activity",)) as server:
        server.advance(timedelta(hours=2))
        now = business.clock.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        other = {**business.rows(table)[-1], "id": f"{business.rows(table)[-1]['id'][:5]}new1"}
        business.put(table, {**other, "created_at": now, "payment": {"id": payment["id"]}})
        put(business, "payments", payment["id"], failure_message="seen", updated_at=now)
        run = on_current.sync(server, "payments", table, **ON_CURRENT)
    assert run.code is ExitCode.OK
    assert run["payments"].mode == "incremental"
    assert on_current.rows("payments")[payment["id"]]["failure_message"] == "seen"


def test_without_the_ledger_the_payments_of_the_last_months_are_read_again(
    on_current: Line,
) -> None:
    with serve(on_current.business, retired=("/financial_activity",)) as server:
        server.advance(timedelta(days=1))
        run = on_current.sync(server, "payments", **ON_CURRENT)
    assert run.code is ExitCode.OK
    assert run["payments"].mode == "incremental"
    (note,) = run["payments"].notes
    assert note.startswith("fell back, as the list of what has changed is not to be had")


# A change of surface


def lost(before: Table, after: Table) -> list[str]:
    """What was known and is not any more; an empty object is nothing."""
    return [
        f"{key}.{name}"
        for key, row in before.items()
        for name, value in row.items()
        if value not in (None, {}, [])
        and after[key][name] is None
        # A transfer that failed has moved nothing: Current says so by having no amount.
        and not (name in ("amount", "currency") and after[key].get("failure_code"))
        # Who got a transfer paid no fee: 0 on Current, nothing on Legacy.
        and not (name == "fee_amount" and value == 0)
    ]


def test_a_change_of_surface_reads_whole_once_and_loses_nothing(loaded: Line) -> None:
    known = loaded.contents()
    for setting, other in (
        (ON_CURRENT, LEGACY.version),
        (LEGACY_SETTING, CURRENT.version),
        (ON_CURRENT, LEGACY.version),
    ):
        loaded.server.advance(timedelta(seconds=1))
        run = loaded.sync(**setting)
        assert run.code is ExitCode.OK
        assert {each.mode for each in run.report.tables} == {"full"}
        assert other in run.report.notices["api_version"]
        now = loaded.contents()
        for table in TABLES:
            # What an app's own key sees is not in Current's list.
            assert lost(known[table], now[table]) == [], table
            assert all(row["_whop_deleted_at"] is None for row in now[table].values()), table
        known = now
        loaded.server.advance(timedelta(seconds=1))
        again = loaded.sync(**setting)
        assert {each.mode for each in again.report.tables} == {"incremental"}
        assert "api_version" not in again.report.notices
        changed = {each.table for each in again.report.tables if each.rows_changed}
        assert changed <= {"companies"}


@pytest.mark.parametrize("there_and_back", [False, True])
def test_a_change_of_surface_finds_what_is_gone_and_nothing_else(
    loaded: Line, there_and_back: bool
) -> None:
    """Read whole, the table lacks what Whop has no more, and what this surface does not list."""
    if there_and_back:
        loaded.server.advance(timedelta(seconds=1))
        assert loaded.sync(**ON_CURRENT).code is ExitCode.OK
    gone = {table: loaded.business.rows(table)[0]["id"] for table in ("payments", "memberships")}
    for table, key in gone.items():
        loaded.business.remove(table, key)
    loaded.server.advance(timedelta(seconds=1))
    run = loaded.sync(**(LEGACY_SETTING if there_and_back else ON_CURRENT))
    assert run.code is ExitCode.OK
    for table in TABLES:
        deleted = {key for key, row in loaded.rows(table).items() if row["_whop_deleted_at"]}
        assert deleted <= {gone.get(table)}, table
        assert deleted or table not in gone, table


@pytest.mark.parametrize(
    ("setting", "whop"),
    [
        (ON_CURRENT, {"brackets": True}),
        (ON_CURRENT, {"unknown": "ignore"}),
        (ON_CURRENT, {"left_behind": 410}),
        (LEGACY_SETTING, {"additions": False}),
    ],
    ids=lambda each: "-".join(map(str, *each.items())) if len(each) == 1 else "",
)
def test_whatever_whop_does_where_no_source_tells_the_same_is_loaded(
    empty: Line, first_load: FirstLoad, setting: dict[str, Any], whop: dict[str, Any]
) -> None:
    with serve(empty.business, **whop) as server:
        run = empty.sync(server, **setting)
        assert run.code is ExitCode.OK
        loaded = {each.table for each in run.report.tables if each.status == "ok"}
        assert {"payments", "memberships", "members", "plans", "payment_methods"} <= loaded
        for table in loaded & set(TABLES):
            here, there = empty.rows(table), first_load.line.rows(table)
            assert of_both(table, here) == of_both(table, there), table
        server.advance(timedelta(days=2))
        run = empty.sync(server, **setting)
        assert run.code is ExitCode.OK
        assert run["payments"].rows_new and run["payments"].mode == "incremental"


def test_what_was_kept_is_not_taken_for_new_and_new_rows_have_nothing_kept(loaded: Line) -> None:
    loaded.server.advance(timedelta(seconds=1))
    loaded.sync(**ON_CURRENT)
    before = loaded.rows("payments")
    assert any(row["membership__status"] for row in before.values())
    loaded.server.advance(timedelta(days=3))
    run = loaded.sync(**ON_CURRENT)
    after = loaded.rows("payments")
    new = [row for key, row in after.items() if key not in before]
    assert run["payments"].rows_changed and new
    assert {row["membership__status"] for row in new} == {None}
    kept = {key: row["membership__status"] for key, row in before.items()}
    assert {key: after[key]["membership__status"] for key in kept} == kept


def test_personal_data_that_is_to_go_is_not_kept_from_the_other_surface(loaded: Line) -> None:
    assert any(row["member__phone"] for row in loaded.rows("payments").values())
    loaded.server.advance(timedelta(seconds=1))
    loaded.sync(**ON_CURRENT, pii="drop")
    for row in loaded.rows("payments").values():
        for name in BY_NAME["payments"].personal:
            if BY_NAME["payments"].columns[name] == "text":
                assert row[name] is None, name


def test_a_key_with_a_pin_changes_nothing(loaded: Line, first_load: FirstLoad) -> None:
    before = loaded.contents(*TABLES)
    with serve(loaded.business, pin=CURRENT.version) as server:
        server.advance(timedelta(seconds=1))
        run = loaded.sync(server)
    assert run.code is ExitCode.OK
    assert {each.mode for each in run.report.tables} == {"incremental"}
    for table in TABLES:
        if table != "companies":
            assert loaded.rows(table) == before[table]


# Refusals


@contextmanager
def a_proxy_that_takes_the_header() -> Iterator[None]:
    send = WhopClient._send

    def without(self: WhopClient, *arguments: Any) -> Any:
        self._http.headers.pop("Api-Version-Date", None)
        return send(self, *arguments)

    with patch.object(WhopClient, "_send", without):
        yield


def nothing_loaded(line: Line, run: Run, before: Mapping[str, Table]) -> None:
    assert run.code in (ExitCode.FAILED, ExitCode.SETTING)
    assert not {each.status for each in run.report.tables} & {"ok"}
    for table, rows in before.items():
        assert line.rows(table) == rows, table


def test_rows_of_current_in_place_of_legacy_s_are_refused(loaded: Line) -> None:
    before = loaded.contents()
    with (
        serve(loaded.business, pin=CURRENT.version, left_behind=404) as server,
        a_proxy_that_takes_the_header(),
    ):
        run = loaded.sync(server)
    nothing_loaded(loaded, run, before)
    (said,) = run.report.unread.values()
    assert "GET /companies has not the company that GET /accounts has" in said
    assert "Does a proxy take that header away" in said
    assert f"SOURCES__WHOP__API_VERSION to {LEGACY.version}" in said


def test_rows_of_legacy_in_place_of_current_s_are_refused(on_current: Line) -> None:
    before = on_current.contents()
    with serve(on_current.business) as server, a_proxy_that_takes_the_header():
        # Also where what answers first is alike on both.
        run = on_current.sync(server, **ON_CURRENT)
    nothing_loaded(on_current, run, before)
    said = str(run.report.unread or {each.error for each in run.report.tables})
    assert "Does a proxy take that header away" in said
    assert f"SOURCES__WHOP__API_VERSION to {CURRENT.version}" in said


def test_one_table_of_the_other_surface_stops_all(loaded: Line) -> None:
    """A promo code does not show that its 0.2 is not 0.2 %."""
    before = loaded.contents(*SOME)
    read = Shape.read

    def other(shape: Shape, row: dict[str, Any]) -> dict[str, Any]:
        if row.get("id", "").startswith("mem_"):
            row["plan_id"], row["user_id"] = row.pop("plan")["id"], row.pop("user")
            row["account"] = row.pop("company")
        return read(shape, row)

    with patch("whop_source.surface.Shape.read", other):
        run = loaded.sync(None, *SOME)
    assert run.code is ExitCode.FAILED
    assert run.outcomes() == dict.fromkeys(SOME, "failed")
    assert {str(each.error) for each in run.report.tables} == {str(run["memberships"].error)}
    for table, rows in before.items():
        assert loaded.rows(table) == rows


def test_a_date_that_whop_does_not_know_names_the_setting(empty: Line) -> None:
    run = empty.sync(api_version="2026-10-14")
    assert run.code is ExitCode.SETTING
    (said,) = run.report.unread.values()
    assert "Set SOURCES__WHOP__API_VERSION, which is 2026-10-14" in said
    assert CURRENT.version in said


def test_a_list_that_whop_has_retired_is_not_available_and_the_others_load(empty: Line) -> None:
    with serve(new_business(), retired=("legacy:/leads",)) as server:
        run = empty.sync(server, "leads", "members")
    assert run.code is ExitCode.PARTLY
    assert run.outcomes() == {"members": "ok", "leads": "not_available"}
    assert "without leads" in str(run["leads"].error)
    assert empty.rows("members")


def test_what_is_to_be_retired_is_said_once_a_run(empty: Line) -> None:
    ends = options.Deprecated(
        since=datetime(2026, 8, 25, tzinfo=UTC),
        successor="/api/v1/people",
        sunset=datetime(2027, 3, 31, tzinfo=UTC),
    )
    with serve(new_business(), deprecated={"/leads": ends}) as server:
        run = empty.sync(server, "leads", "members")
    assert run.code is ExitCode.OK
    assert run.report.notices == {
        "GET /leads": "GET /leads: Whop will retire it on Wed, 31 Mar 2027 00:00:00 GMT "
        "(deprecated since 2026-08-25) in favour of /api/v1/people; a later release of whop-elt "
        "may be needed"
    }


def test_payments_that_are_filtered_by_their_payment_are_all_read_on_legacy(
    empty: Line, first_load: FirstLoad
) -> None:
    with (
        serve(new_business(), payments_by="paid") as server,
        # So small that the list is cut into ranges.
        patch("whop_source.client.PAGE_SIZE", 10),
        patch("whop_source.ranges.PAGE_SIZE", 10),
        patch("whop_source.ranges.PAGES_WORTH_A_RANGE", 2),
    ):
        run = empty.sync(server, "payments")
    assert run.code is ExitCode.OK
    assert empty.rows("payments").keys() == first_load.line.rows("payments").keys()


def test_decimals_are_as_exact_on_current(on_current: Line) -> None:
    for row in on_current.rows("payments").values():
        assert row["total"] is None or isinstance(row["total"], Decimal)
    assert isinstance(on_current.server, Server)
