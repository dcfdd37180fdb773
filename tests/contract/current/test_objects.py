"""Every object of the Current surface as whop-sdk 2.6.0 reads it, and the lists below others."""

from __future__ import annotations

import typing
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from whop_sdk.core.api_error import ApiError
from whop_sdk.errors import BadRequestError, NotFoundError

from whop_simulator import Business, Server, serve

from .conftest import Official, Row
from .strict import fields_of
from .test_lists import LISTS, tenant


@pytest.mark.parametrize("path", LISTS)
def test_every_object(official: Official, business: Business, path: str) -> None:
    rows = official.call(path, first=100, **tenant(business, path))
    kind = official.type_of(path, "retrieve")
    seen: set[str] = set()
    # Payment methods are of several shapes, some of them rare.
    step = 1 if path == "payment_methods" else max(1, len(rows) // 25)
    for row in rows[::step]:
        found = official.call(path, "retrieve", row["id"])
        assert set(row) <= set(found)
        # What a list leaves null, and what stands for the moment it is asked at.
        by_id = {"client_secret", "recovery_url", "settlement_time_at"}
        assert {name: found[name] for name in row if name not in by_id} == {
            name: row[name] for name in row if name not in by_id
        }
        seen |= found.keys()
    assert seen == fields_of(kind)


def test_objects_that_lists_leave_out(official: Official, business: Business) -> None:
    for path, table in (("products", "products"), ("variants", "plans"), ("plans", "plans")):
        archived = [row for row in business.rows(table) if row["visibility"] == "archived"]
        assert archived
        assert official.call(path, "retrieve", archived[0]["id"])["visibility"] == "archived"


def test_secrets_are_in_the_objects_only(official: Official, business: Business) -> None:
    (app, *_) = official.call("apps", account_id=business.company_id)
    whole = official.call("apps", "retrieve", app["id"])
    assert whole["default_api_key"]["secret_key"]
    assert whole["preview_token"]
    (unpaid, *_) = official.call("payments", status="open", account_id=business.company_id)
    whole = official.call("payments", "retrieve", unpaid["id"])
    assert whole["client_secret"].startswith(unpaid["id"])
    assert whole["recovery_url"]


def test_users(official: Official, business: Business) -> None:
    known = [row for row in business.rows("members") if row["user"]][::20]
    for row in known:
        by_id = official.call("users", "retrieve", row["user"]["id"])
        assert by_id.keys() == fields_of(official.type_of("users", "retrieve"))
        assert by_id == official.call("users", "retrieve", row["user"]["username"])
    me = official.call("users", "retrieve", "me")
    assert me["id"] == official.call("accounts", "retrieve", "me")["owner"]["id"]


def test_files_of_ones_own_only(official: Official, business: Business) -> None:
    attached = [each["id"] for row in business.rows("reviews") for each in row["attachments"]]
    assert attached
    for key in attached:
        with pytest.raises(NotFoundError):
            official.client.files.retrieve(key)
    made = official.call("files", "create", filename="a.pdf", byte_size=10)
    assert made["upload_url"]
    listed = official.call("files")
    assert made["id"] in {row["id"] for row in listed}
    assert official.call("files", file_ids=[made["id"]]) == [
        row for row in listed if row["id"] == made["id"]
    ]
    assert official.call("files", "retrieve", made["id"])["upload_url"] is None


def test_fees_are_listed_per_payment(official: Official, business: Business) -> None:
    payments = official.call("payments", account_id=business.company_id, status="paid", first=100)
    odd = [row for row in payments if row["currency"] != row["presentment_total"]["currency"]]
    disputed = [row for row in payments if row["dispute_alerted_at"]]
    assert odd
    for row in (*payments[:10], *odd[:5], *disputed[:3]):
        fees = official.call("payments", "list_fees", row["id"])["data"]
        kept = sum(float(fee["amount"]["amount"]) for fee in fees if fee["origin"] != "dispute_fee")
        total, left = (float(row[name]["amount"]) for name in ("total", "amount_after_fees"))
        assert total - kept == pytest.approx(left)
        assert {fee["type"] for fee in fees} <= {"processing_fee", "other_fee"}
    fees = official.call("payments", "list_fees", disputed[0]["id"])["data"]
    assert [fee["origin"] for fee in fees][-1] == "dispute_fee"
    with pytest.raises(NotFoundError):
        official.client.payments.list_fees("pay_00000000000000")


def test_errors_as_the_client_knows_them(
    official: Official, server: Server, business: Business
) -> None:
    with pytest.raises(NotFoundError):
        official.client.payments.retrieve("pay_00000000000000")
    # The client knows no 403 of this list, as it knows one of others.
    with pytest.raises(ApiError) as refused:
        official.client.payments.list(account_id=_foreign(server))
    assert refused.value.status_code == 403
    with pytest.raises(BadRequestError):
        official.client.members.list(
            request_options={"additional_query_parameters": {"colour": "red"}}
        )


def _foreign(server: Server) -> str:
    with serve(*server.businesses) as other:
        stranger = Official(other)
        rows = stranger.call("products")
        stranger.close()
    own = {business.company_id for business in server.businesses}
    return str(next(row["account"]["id"] for row in rows if row["account"]["id"] not in own))


# What the key may do


def test_what_the_key_may_do(business: Business) -> None:
    with serve(business, permissions={"payment:basic:read"}) as limited:
        asking = Official(limited)
        told = asking.call("permissions", resource_id=business.company_id)["data"]
        assert {row["action"] for row in told if row["granted"]} == {"payment:basic:read"}
        assert len(told) > 20
        some = asking.call(
            "permissions",
            resource_id=business.company_id,
            actions="member:basic:read,payment:basic:read",
        )
        assert [row["granted"] for row in some["data"]] == [False, True]
        elsewhere = asking.call("permissions", resource_id="biz_of_strangers")["data"]
        assert not any(row["granted"] for row in elsewhere)
        asking.close()


# The ledger


@pytest.fixture(scope="module")
def moving() -> Iterator[tuple[Business, Official]]:
    business = Business(members=80, years=1)
    with serve(business) as running:
        official = Official(running)
        yield business, official
        official.close()


def ledger(official: Official, business: Business, **parameters: Any) -> list[Row]:
    """All its pages; the client has no pager for this list."""
    rows: list[Row] = []
    cursor = None
    while True:
        page = official.call(
            "financial_activity",
            account_id=business.company_id,
            limit=100,
            **({"cursor": cursor} if cursor else {}),
            **parameters,
        )
        rows += page["data"]
        if not page["page_info"]["has_next_page"]:
            return rows
        cursor = page["page_info"]["end_cursor"]


def test_the_ledger_shows_every_field_but_those_of_several_accounts(
    moving: tuple[Business, Official],
) -> None:
    business, official = moving
    rows = ledger(official, business)
    kind = typing.get_type_hints(official.type_of("financial_activity", "list"))
    (item,) = typing.get_args(kind["data"])
    assert set(rows[0]) == fields_of(item) - {"account", "ledger_account_id"}
    assert len(rows) == len({row["id"] for row in rows})


def _posted(line: Row) -> list[Any]:
    """What was posted; names of plans and people are those of the moment."""
    names = ("id", "line_type", "amount", "currency", "posted_at", "available_at", "payment_id")
    return [line[name] for name in names]


def test_a_line_that_was_read_never_changes(moving: tuple[Business, Official]) -> None:
    business, official = moving
    before = ledger(official, business)
    last = max(row["posted_at"] for row in before)
    first_time = business.clock
    for days in (1, 7, 30):
        business.advance(timedelta(days=days))
        after = {row["id"]: row for row in ledger(official, business)}
        assert [_posted(after[row["id"]]) for row in before] == [_posted(row) for row in before]
        new = ledger(official, business, posted_after=datetime.fromisoformat(last))
        assert {row["id"] for row in new} == after.keys() - {row["id"] for row in before}
    assert business.clock > first_time


def test_lines_of_a_payment_add_up_to_what_it_leaves(moving: tuple[Business, Official]) -> None:
    business, official = moving
    lines: defaultdict[str, list[Row]] = defaultdict(list)
    for row in ledger(official, business):
        if row["payment_id"]:
            lines[row["payment_id"]].append(row)
    payments = official.call("payments", account_id=business.company_id, first=100)
    paid = {
        row["id"]: row
        for row in payments
        if row["status"] == "paid" and float(row["total"]["amount"])
    }
    assert lines.keys() == paid.keys()
    refunds: defaultdict[str, float] = defaultdict(float)
    for row in official.call("refunds", account_id=business.company_id):
        if row["status"] != "failed":
            refunds[row["payment_id"]] += float(row["amount"]["amount"])
    assert refunds
    for key, row in paid.items():
        scale = int(lines[key][0]["currency"]["precision"])
        assert {line["currency"]["code"] for line in lines[key]} == {row["currency"]}
        sums: defaultdict[str, float] = defaultdict(float)
        for line in lines[key]:
            sums[line["line_type"]] += int(line["amount"]) / scale
        total, kept = (float(row[name]["amount"]) for name in ("total", "amount_after_fees"))
        percentages = ("percentage_fee", "fixed_fee")
        fees = sum(amount for kind, amount in sums.items() if kind.endswith(percentages))
        assert sums["payment_gross"] == pytest.approx(total)
        assert total + fees == pytest.approx(kept)
        assert -sums["payment_refund"] == pytest.approx(refunds[key], abs=0.011)
        lost = row["dispute_alerted_at"] and not row["substatus"].startswith("dispute_warning")
        assert bool(sums["payment_dispute"]) is bool(lost)


def test_payouts_are_made_of_the_ledgers_lines(moving: tuple[Business, Official]) -> None:
    business, official = moving
    payouts = official.call("payouts", account_id=business.company_id)
    sums: defaultdict[str, int] = defaultdict(int)
    for line in ledger(official, business):
        if line["source"] and line["source"]["object"] == "transfer":
            continue
        if line["source"] and not line["line_type"].endswith("_reversal"):
            sums[line["source"]["id"]] -= int(line["amount"])
    assert {row["status"] for row in payouts} >= {"completed", "failed"}
    scales = {"usd": 100, "eur": 100, "gbp": 100, "jpy": 1, "eth": 1_000_000}
    assert sums == {row["id"]: round(float(row["amount"]) * scales[row["currency"]])
                    for row in payouts}  # fmt: skip
    returned = {row["id"] for row in payouts if row["status"] == "failed"}
    some = next(row for row in payouts if row["id"] not in returned)
    of_it = ledger(official, business, withdrawal_id=some["id"])
    assert of_it
    assert all(line["available_at"] <= some["created_at"] for line in of_it)


def test_what_hands_change_is_posted_now(moving: tuple[Business, Official]) -> None:
    business, official = moving
    before = {row["id"]: row for row in ledger(official, business)}
    business.advance(timedelta(hours=1))
    key = next(
        row["id"]
        for row in business.rows("payments")
        if row["status"] == "paid" and row["total"] and not row["refunded_amount"]
        and row["settlement_currency"] == row["currency"] == "usd" and not row["dispute_alerted_at"]
    )  # fmt: skip
    row = business.row("payments", key)
    business.put("payments", {**row, "refunded_amount": 1.0, "substatus": "partially_refunded"})
    after = {line["id"]: line for line in ledger(official, business)}
    assert [_posted(after[name]) for name in before] == [_posted(row) for row in before.values()]
    found = [line for name, line in after.items() if name not in before and line["payment_id"]]
    refund = [line for line in found if line["payment_id"] == key]
    assert [(line["line_type"], line["amount"]) for line in refund] == [("payment_refund", "-100")]
    assert datetime.fromisoformat(refund[0]["posted_at"]) == business.clock
