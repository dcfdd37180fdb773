"""Tables that follow from others, details that lists leave out, and what lists do not tell."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from loading import EVERY, TABLES, Line, Row, Run, documented, expected, flat

from whop_elt.destination import DATASET
from whop_elt.errors import ExitCode
from whop_simulator import ALL_PERMISSIONS, Fault, serve
from whop_source import followers
from whop_source.resources import BY_NAME

OF_THEIR_OWN = {
    "disputes": "payment:dispute:read",
    "dispute_alerts": "payment:dispute_alert:read",
    "invoices": "invoice:basic:read",
    "entries": "plan:waitlist:read",
    "leads": "lead:basic:read",
    "checkout_configurations": "checkout_configuration:basic:read",
    "setup_intents": "payment:setup_intent:read",
    "affiliates": "affiliate:basic:read",
    "shipments": "shipment:basic:read",
    "company_token_transactions": "company_token_transaction:read",
}
"""Tables that ask for a permission no older table needs."""


def asked(run: Run, operation: str) -> int:
    return sum(name == operation for name, _ in run.log)


def changed(line: Line, table: str, row: Row, **values: Any) -> Row:
    """Change a row at Whop."""
    new = {**line.business.row(table, row["id"]), **values}
    line.business.put(table, new)
    return new


def test_without_their_permissions_the_new_tables_are_left_out_and_the_others_load(
    loaded: Line,
) -> None:
    allowed = ALL_PERMISSIONS - set(OF_THEIR_OWN.values())
    before = {table: loaded.rows(table) for table in OF_THEIR_OWN}
    with serve(loaded.business, permissions=allowed) as server:
        server.advance(timedelta(hours=1))
        run = loaded.sync(server)
    assert run.code is ExitCode.PARTLY
    forbidden = {name for name, status in run.outcomes().items() if status == "forbidden"}
    assert forbidden == OF_THEIR_OWN.keys()
    for table, permission in OF_THEIR_OWN.items():
        assert permission in (run[table].error or "")
        assert loaded.rows(table) == before[table]
    assert {run.outcomes()[table] for table in TABLES if table not in OF_THEIR_OWN} == {"ok"}


def test_what_takes_a_request_per_row_is_read_only_when_chosen(loaded: Line) -> None:
    loaded.server.advance(timedelta(hours=1))
    run = loaded.sync()
    assert not {"users", "files", "payment_fees"} & run.outcomes().keys()
    assert not loaded.rows("users")
    run = loaded.sync(None, "default", "files")
    assert run.outcomes().keys() == {*EVERY, "files"}


def test_users_are_read_once_and_again_when_a_row_shows_another_name(loaded: Line) -> None:
    first = loaded.sync(None, "users")
    assert first.code is ExitCode.OK
    named = {
        row["user__id"]
        for table in ("members", "payments", "authorized_users", "reviews", "leads")
        for row in loaded.rows(table).values()
        if row["user__id"]
    }
    named |= {row["owner_user__id"] for row in loaded.rows("companies").values()}
    held = loaded.rows("users")
    assert named <= held.keys()
    assert asked(first, "GET /users/{id}") == len(held) == first["users"].rows_new
    some = next(iter(named))
    assert documented("users", held)[some] == flat(
        BY_NAME["users"], loaded.business.row("users", some)
    )
    # The run that reads members reads again whom they show otherwise, and nobody else.
    member = next(row for row in loaded.business.rows("members") if row["user"]["name"])
    user = loaded.business.row("users", member["user"]["id"])
    loaded.business.put("users", {**user, "name": "Somebody Else"})
    changed(loaded, "members", member, user={**member["user"], "name": "Somebody Else"})
    run = loaded.sync(None, "members", "users", full=True)
    assert asked(run, "GET /users/{id}") == run["users"].rows_changed == 1
    assert loaded.rows("users")[user["id"]]["name"] == "Somebody Else"
    assert asked(loaded.sync(None, "members", "users"), "GET /users/{id}") == 0


def test_a_user_whop_does_not_show_is_asked_for_once(loaded: Line) -> None:
    gone = next(row["user"]["id"] for row in loaded.business.rows("members") if row["user"])
    loaded.business.remove("users", gone)
    assert loaded.sync(None, "users").code is ExitCode.OK
    assert loaded.rows("users")[gone]["username"] is None
    assert asked(loaded.sync(None, "users"), "GET /users/{id}") == 0


def test_a_key_that_may_not_see_any_is_not_tried_on_all(loaded: Line) -> None:
    loaded.server.faults.add("GET /users/{id}", Fault("status", status=403))
    with patch.object(followers, "DENIED_IN_A_ROW", 5):
        run = loaded.sync(None, "users")
    assert run["users"].status == "forbidden"
    assert not loaded.rows("users")
    # More are under way when the fifth refusal is looked at, but not all.
    users = {row["user__id"] for row in loaded.rows("members").values()}
    assert 5 <= asked(run, "GET /users/{id}") < len(users) - 10


def test_a_table_that_follows_says_so_when_it_has_nothing_to_follow(empty: Line) -> None:
    run = empty.sync(None, "reviews", "payment_fees")
    assert run.code is ExitCode.OK
    assert "it follows products" in " ".join(run["reviews"].notes)
    assert "it follows payments" in " ".join(run["payment_fees"].notes)
    run = empty.sync(None, "products", "reviews")
    assert not run["reviews"].notes
    assert empty.rows("reviews")


def test_many_objects_are_read_in_parts_each_of_which_is_loaded(loaded: Line) -> None:
    with patch.object(followers, "OBJECTS_PER_RUN", 40):
        run = loaded.sync(None, "users")
    held = loaded.rows("users")
    assert run["users"].rows_new == len(held) > 80
    assert len({row["_dlt_load_id"] for row in held.values()}) == -(-len(held) // 40)


def test_fees_are_read_of_new_and_changed_payments_only(loaded: Line) -> None:
    payments = loaded.rows("payments")
    worth_asking = {key for key, row in payments.items() if row["paid_at"] and row["total"]}
    kept = sorted(worth_asking)[:3]
    for key in payments.keys() - set(kept):
        loaded.business.remove("payments", key)
    loaded.warehouse.execute(
        f"delete from {DATASET}.payments where id not in ({', '.join(map(repr, kept))})"
    )
    operation = "GET /payments/{id}/fees"
    run = loaded.sync(None, "payment_fees")
    assert run.code is ExitCode.OK
    assert asked(run, operation) == run["payment_fees"].requests == len(kept)
    fees = loaded.rows("payment_fees")
    assert {row["payment__id"] for row in fees.values()} == set(kept)
    percent = fees[f"{kept[0]}/1"]
    assert percent["type"] == "payment_processing_percentage_fee"
    assert percent["currency"] == payments[kept[0]]["currency"]

    assert asked(loaded.sync(None, "payment_fees"), operation) == 0
    # A payment that is no longer worth anything has no fees any more, and is not asked for again.
    row = loaded.business.row("payments", kept[1])
    loaded.business.put("payments", {**row, "status": "void", "substatus": "canceled"})
    loaded.server.advance(timedelta(seconds=5))
    run = loaded.sync(None, "payments", "payment_fees", full=True)
    assert asked(run, operation) == 1
    fees = loaded.rows("payment_fees")
    gone = {key for key, fee in fees.items() if fee["_whop_deleted_at"]}
    assert gone == {key for key in fees if key.startswith(f"{kept[1]}/")}
    assert fees[kept[1]]["type"] is None
    assert asked(loaded.sync(None, "payments", "payment_fees"), operation) == 0


def test_files_are_read_without_their_addresses(loaded: Line) -> None:
    run = loaded.sync(None, "files")
    named = {
        attachment["id"]
        for row in loaded.rows("reviews").values()
        for attachment in row["attachments"]
    }
    held = loaded.rows("files")
    assert held.keys() == named != set()
    assert asked(run, "GET /files/{id}") == len(named)
    assert not {"url", "upload_url"} & loaded.column_types()["files"].keys()
    assert all(row["_whop_extra"] is None for row in held.values())


def test_no_invoice_can_be_opened_from_the_warehouse(loaded: Line) -> None:
    tokens = [row["fetch_invoice_token"] for row in loaded.business.rows("invoices")]
    assert all(tokens)
    text = str(loaded.rows("invoices"))
    assert not any(token in text for token in tokens)


def test_details_are_read_again_when_the_list_shows_a_change_and_in_a_full_pass(
    loaded: Line,
) -> None:
    assert loaded.rows("plans")
    quiet = loaded.sync()
    listed = [row for row in loaded.business.rows("plans") if row["visibility"] != "archived"]
    archived = len(loaded.rows("plans")) - len(listed)
    assert asked(quiet, "GET /plans/{id}") == archived
    assert quiet["plans"].rows_changed == 0

    fields = [{"id": "cf_new", "name": "Shoe size"}]
    changed(loaded, "plans", listed[0], title="Another", custom_fields=fields)
    changed(loaded, "plans", listed[1], custom_fields=fields)  # nothing in the list shows it
    run = loaded.sync()
    assert asked(run, "GET /plans/{id}") == archived + 1
    held = loaded.rows("plans")
    assert held[listed[0]["id"]]["custom_fields"] == fields
    assert held[listed[1]["id"]]["custom_fields"] != fields
    full = loaded.sync(full=True)
    assert full["plans"].rows_changed == 1
    assert documented("plans", loaded.rows("plans")) == expected(loaded.business, "plans")


def test_apps_load_without_their_details_when_the_key_may_not_change_them(empty: Line) -> None:
    allowed = ALL_PERMISSIONS - {"developer:manage_api_key", "developer:update_app"}
    with serve(empty.business, permissions=allowed) as server:
        first = empty.sync(server, "apps")
        again = empty.sync(server, "apps")
    assert first.code is ExitCode.OK
    (note,) = first["apps"].notes
    assert "without production_web_build" in note
    assert "developer:manage_api_key" in note
    held = empty.rows("apps")
    assert all(row["name"] and row["redirect_uris"] is None for row in held.values())
    assert again["apps"].notes == []
    assert asked(again, "GET /apps/{id}") == 0


def test_a_refund_that_fails_later_and_an_invoice_that_is_paid_are_seen(loaded: Line) -> None:
    business = loaded.business
    refunds = sorted(business.rows("refunds"), key=lambda row: row["created_at"])
    old = refunds[-3]
    created = datetime.fromisoformat(old["created_at"])
    # Long before the last run, and not too long.
    assert timedelta(days=2) < business.clock - created < timedelta(days=170)
    changed(loaded, "refunds", old, status="failed", payment={"id": old["payment"]["id"]})
    live = changed(loaded, "invoices", business.rows("invoices")[0], status="open")
    loaded.sync(None, "invoices", full=True)
    changed(loaded, "invoices", live, status="paid")
    loaded.server.advance(timedelta(hours=1))
    run = loaded.sync()
    assert run["refunds"].mode == run["invoices"].mode == "incremental"
    assert loaded.rows("refunds")[old["id"]]["status"] == "failed"
    assert loaded.rows("invoices")[live["id"]]["status"] == "paid"


def test_a_review_that_is_gone_is_marked_and_one_more_list_is_read_per_product(
    loaded: Line,
) -> None:
    review = loaded.business.rows("reviews")[0]
    loaded.business.remove("reviews", review["id"])
    run = loaded.sync()
    assert run["reviews"].rows_deleted == 1
    assert loaded.rows("reviews")[review["id"]]["_whop_deleted_at"]
    products = [row for row in loaded.rows("products").values() if not row["_whop_deleted_at"]]
    assert asked(run, "GET /reviews") == len(products)


def test_a_product_that_is_gone_takes_no_review_of_another_along(loaded: Line) -> None:
    before = loaded.rows("reviews")
    loaded.server.faults.add("GET /reviews", Fault("status", status=404, at=(1,)))
    run = loaded.sync(None, "reviews")
    assert run["reviews"].status == "ok"
    # Whop shows each by id still.
    assert run["reviews"].rows_deleted == 0
    assert loaded.rows("reviews") == before


def test_the_models_build_where_the_new_tables_were_never_read(empty: Line) -> None:
    old = ("companies", "products", "plans", "promo_codes", "members", "memberships", "payments")
    assert empty.sync(None, *old).code is ExitCode.OK
    assert "WARN=0 ERROR=0 SKIP=0" in empty.warehouse.dbt("build").stdout
    refunded = empty.warehouse.read("fct_payments")
    assert any(row["is_refunded"] for row in refunded)
    assert empty.warehouse.query("select count(*) as n from whop_staging.stg_whop__refunds") == [
        {"n": 0}
    ]
