"""The nineteen actions, over HTTP: what each sends and answers, and what is refused unsent."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import whop_actions as actions
from whop_actions import ACTIONS, BadParameter, Request, find, prepare, run, upload
from whop_simulator import Business, Fault, Server, serve
from whop_source.client import WhopClient
from whop_source.errors import KeyRefused, Unconfirmed, WhopError
from whop_source.surface import CURRENT

Row = dict[str, Any]
Parameters = Callable[[Business], Row]

NOW = datetime(2026, 1, 15, 9, tzinfo=UTC)
"""The simulator's day."""

CATALOGUE = [
    "WHOP_CREATE_ACCESS_TOKEN",
    "WHOP_CREATE_FILE",
    "WHOP_DELETE_PROMO_CODE",
    "WHOP_UPDATE_PLAN",
    "WHOP_LIST_APPS",
    "WHOP_LIST_AUTHORIZED_USERS",
    "WHOP_LIST_MEMBERS",
    "WHOP_LIST_MEMBERSHIPS",
    "WHOP_LIST_PAYMENT_METHODS",
    "WHOP_LIST_PAYMENTS",
    "WHOP_RETRIEVE_APP",
    "WHOP_RETRIEVE_AUTHORIZED_USER",
    "WHOP_RETRIEVE_COMPANY",
    "WHOP_RETRIEVE_COMPANY_TOKEN_TRANSACTION",
    "WHOP_RETRIEVE_FILE",
    "WHOP_RETRIEVE_MEMBER",
    "WHOP_RETRIEVE_PLAN",
    "WHOP_RETRIEVE_PROMO_CODE",
    "WHOP_RETRIEVE_USER",
]


def new_business() -> Business:
    business = Business(members=300, years=2)
    business.put(
        "files",
        {
            "id": "file_known",
            "content_type": "application/pdf",
            "filename": "a.pdf",
            "size": "12",
            "upload_status": "ready",
            "url": "https://cdn.whop.invalid/file_known",
            "visibility": "public",
            # Whop says these at creation only; here it says them again, as a mistake would.
            "upload_url": "https://uploads.whop.invalid/secret-address",
            "upload_headers": {"x-token": "secret-header"},
        },
    )
    return business


@pytest.fixture(scope="module")
def business() -> Business:
    return new_business()


@pytest.fixture(scope="module")
def server(business: Business) -> Iterator[Server]:
    with serve(business) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[WhopClient]:
    with WhopClient(server.api_key, server.base_url, max_attempts=3, backoff=0.002) as one:
        yield one


@pytest.fixture
def own() -> Iterator[tuple[Server, Business, WhopClient]]:
    """A business to change."""
    alone = new_business()
    with (
        serve(alone) as running,
        WhopClient(running.api_key, running.base_url, max_attempts=3, backoff=0.002) as one,
    ):
        yield running, alone, one


def data(answer: actions.Answer) -> Row:
    assert answer == {"data": answer["data"], "error": None, "successful": True}
    return answer["data"]


def error(answer: actions.Answer) -> str:
    assert answer["data"] == {}
    assert answer["successful"] is False
    assert answer["error"]
    return answer["error"]


# The table


def test_the_table_is_the_catalogue() -> None:
    assert [action.name for action in ACTIONS] == CATALOGUE
    assert {action.name for action in ACTIONS if action.changes} == set(CATALOGUE[:4])
    for action in ACTIONS:
        names = [parameter.name for parameter in action.parameters]
        assert len(names) == len(set(names))
        assert all({*rule.names} <= {*names} for rule in action.rules)
        assert ("id" in names) == ("{id}" in action.path)


def test_the_parameters_are_those_of_the_catalogue() -> None:
    """Counted and sampled by hand from the catalogue, not read from the table."""
    count = {action.name: len(action.parameters) for action in ACTIONS}
    assert {name: count[name] for name in CATALOGUE[:10]} == {
        "WHOP_CREATE_ACCESS_TOKEN": 4,
        "WHOP_CREATE_FILE": 1,
        "WHOP_DELETE_PROMO_CODE": 1,
        "WHOP_UPDATE_PLAN": 19,
        "WHOP_LIST_APPS": 11,
        "WHOP_LIST_AUTHORIZED_USERS": 9,
        "WHOP_LIST_MEMBERS": 17,
        "WHOP_LIST_MEMBERSHIPS": 15,
        "WHOP_LIST_PAYMENT_METHODS": 9,
        "WHOP_LIST_PAYMENTS": 16,
    }
    assert {count[name] for name in CATALOGUE[10:]} == {1}
    required = {(a.name, p.name) for a in ACTIONS for p in a.parameters if p.required}
    assert required == {
        (name, "filename" if name == "WHOP_CREATE_FILE" else "id")
        for name in [*CATALOGUE[1:4], *CATALOGUE[10:]]
    }


@pytest.mark.parametrize(
    "name", ["WHOP_LIST_PAYMENTS", "list-payments", "list_payments", "LIST_PAYMENTS"]
)
def test_an_action_has_two_names(name: str) -> None:
    assert find(name).operation == "GET /payments"


# Every action


def some(resource: str) -> Parameters:
    """The id of a row in the middle."""
    return lambda business: {"id": (rows := business.rows(resource))[len(rows) // 2]["id"]}


READS: dict[str, Parameters] = {
    "list-apps": lambda b: {"company_id": b.company_id, "order": "created_at", "direction": "asc"},
    "list-authorized-users": lambda b: {"role": "owner"},
    "list-members": lambda b: {"statuses": ["left"], "access_level": "no_access", "first": 3},
    "list-memberships": lambda b: {"created_after": NOW - timedelta(days=90)},
    "list-payment-methods": lambda b: {"direction": "asc", "first": 2},
    "list-payments": lambda b: {"include_free": True, "currencies": ["usd", "eur"], "last": 4},
    "retrieve-app": some("apps"),
    "retrieve-authorized-user": some("authorized_users"),
    "retrieve-company": lambda b: {"id": "me"},
    "retrieve-company-token-transaction": some("company_token_transactions"),
    "retrieve-file": lambda b: {"id": "file_known"},
    "retrieve-member": some("members"),
    "retrieve-plan": some("plans"),
    "retrieve-promo-code": some("promo_codes"),
    "retrieve-user": lambda b: {"id": b.rows("authorized_users")[0]["user"]["username"]},
}
SECRET = {
    "retrieve-app": {"api_key", "secrets"},
    "retrieve-file": {"upload_url", "upload_headers"},
}


@pytest.mark.parametrize("name", READS)
def test_every_read(client: WhopClient, server: Server, business: Business, name: str) -> None:
    given = READS[name](business)
    server.reset_counters()
    answer = data(run(client, name, given, company_id=business.company_id))
    assert server.requests == {find(name).operation: 1}
    if name.startswith("list-"):
        assert answer["data"]
        assert set(answer["page_info"]) >= {"end_cursor", "has_next_page"}
        resource = name.removeprefix("list-").replace("-", "_")
        known = {row["id"]: row for row in business.rows(resource)}
        for row in answer["data"]:
            assert row == known[row["id"]]
    else:
        resource = {"retrieve-company": "companies"}.get(
            name, f"{name.removeprefix('retrieve-').replace('-', '_')}s"
        )
        row = business.row(resource, answer["id"])
        hidden = SECRET.get(name, set())
        assert hidden <= row.keys()
        assert answer == {key: value for key, value in row.items() if key not in hidden}


def test_reads_and_changes_are_all_tried() -> None:
    changed = {"create-access-token", "create-file", "delete-promo-code", "update-plan"}
    assert {*READS, *changed} == {action.short_name for action in ACTIONS}


def test_what_a_list_is_asked(client: WhopClient, server: Server, business: Business) -> None:
    server.reset_counters()
    data(
        run(
            client,
            "list-payments",
            {
                "statuses": ["open", "paid"],
                "include_free": False,
                "first": 5,
                "created_before": datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
                "created_after": "2025-01-01",
                "order": "paid_at",
                # What is null in a read was not asked for.
                "substatuses": None,
            },
        )
    )
    assert server.log == [
        (
            "GET /payments",
            {
                "statuses[]": ["open", "paid"],
                "include_free": ["false"],
                "first": ["5"],
                "created_before": ["2026-01-01T00:00:00.000Z"],
                "created_after": ["2025-01-01T00:00:00.000Z"],
                "order": ["paid_at"],
            },
        )
    ]


def test_pages_are_walked_by_cursor_in_both_directions(
    client: WhopClient, business: Business
) -> None:
    ask: Row = {"order": "created_at", "direction": "asc"}
    head = data(run(client, "list-members", {**ask, "first": 3}))
    behind = {**ask, "first": 3, "after": head["page_info"]["end_cursor"]}
    second = data(run(client, "list-members", behind))
    in_front = {**ask, "last": 3, "before": second["page_info"]["start_cursor"]}
    assert data(run(client, "list-members", in_front))["data"] == head["data"]
    assert {row["id"] for row in head["data"]}.isdisjoint(row["id"] for row in second["data"])


@pytest.mark.parametrize("first", [None, 7])
def test_all_pages(
    client: WhopClient, server: Server, business: Business, first: int | None
) -> None:
    server.reset_counters()
    told: list[str] = []
    answer = data(
        run(
            client,
            "list-members",
            {"company_id": business.company_id} | ({"first": first} if first else {}),
            all_pages=True,
            progress=told.append,
        )
    )
    expected = {row["id"] for row in business.rows("members")}
    assert {row["id"] for row in answer["data"]} == expected
    assert len(answer["data"]) == len(expected)
    assert answer["page_info"] == {"has_next_page": False}
    pages = -(-len(expected) // (first or 100))
    assert server.requests == {"GET /members": pages}
    assert told[-1] == f"{len(expected)} rows read"


def test_the_configured_company_is_for_lists_of_a_company(
    client: WhopClient, server: Server, business: Business
) -> None:
    member = next(row["id"] for row in business.rows("members"))
    asked = {}
    for name, given in (
        ("list-memberships", {}),
        ("list-payment-methods", {}),
        ("list-payment-methods", {"member_id": member}),
        ("list-payments", {}),
        ("list-members", {}),
        ("list-apps", {}),
    ):
        server.reset_counters()
        data(run(client, name, given, company_id=business.company_id))
        asked[name, *given] = server.log[0][1].get("company_id")
    assert {key for key, company in asked.items() if company == [business.company_id]} == {
        ("list-memberships",),
        ("list-payment-methods",),
        ("list-payments",),
        ("list-members",),
    }
    assert prepare("list-memberships", {"company_id": "biz_x"}, company_id="biz_y").company_id == (
        "biz_x"
    )


def test_the_company_goes_under_the_name_the_endpoint_has_for_it(business: Business) -> None:
    with (
        serve(business, tenant={"/memberships": "account_id"}) as running,
        WhopClient(running.api_key, running.base_url) as one,
    ):
        answer = data(run(one, "list-memberships", {"company_id": business.company_id}))
        assert answer["data"]
        assert running.log[-1][1] == {"account_id": [business.company_id]}


def test_a_plan_is_changed_as_given(own: tuple[Server, Business, WhopClient]) -> None:
    server, business, client = own
    plan = business.rows("plans")[0]["id"]
    field = {"field_type": "text", "name": "Handle", "order": 1, "required": True}
    given: Row = {
        "title": "Neu ✓",
        "renewal_price": 10.43,
        "initial_price": 1999,
        "stock": None,
        "expiration_days": None,
        "unlimited_stock": True,
        "visibility": "hidden",
        "custom_fields": (field,),
        "override_tax_type": "inclusive",
    }
    answer = data(run(client, "WHOP_UPDATE_PLAN", {"id": plan, **given}))
    told = {"tax_type": given.pop("override_tax_type"), **given, "custom_fields": [field]}
    assert answer.items() >= told.items()
    assert business.row("plans", plan) == answer
    assert server.requests == {"PATCH /plans/{id}": 1}


def test_a_promo_code_is_archived(own: tuple[Server, Business, WhopClient]) -> None:
    server, business, client = own
    promo = next(row["id"] for row in business.rows("promo_codes") if row["status"] == "active")
    assert data(run(client, "delete-promo-code", {"id": promo})) == {"result": True}
    assert business.row("promo_codes", promo)["status"] == "archived"
    assert server.requests == {"DELETE /promo_codes/{id}": 1}


def test_a_token_is_given_to_the_one_who_asks(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    # A test of the alerts that ran here before has silenced it.
    caplog.set_level(logging.DEBUG, "httpx")
    # An end is measured from the clock on the wall, here and at Whop.
    business = Business(members=5, years=1, clock=datetime.now(UTC))
    ends = business.clock + timedelta(hours=2)
    with serve(business) as server, WhopClient(server.api_key, server.base_url) as client:
        for given, expected in (
            ({"company_id": business.company_id}, timedelta(hours=1)),
            ({"user_id": "user_x", "company_id": None}, timedelta(hours=1)),
            ({"user_id": "user_x", "scoped_actions": ["plan:basic:read"]}, timedelta(hours=1)),
            ({"user_id": "user_x", "expires_at": ends}, timedelta(hours=2)),
        ):
            token = data(run(client, "create-access-token", given))
            assert token["token"].startswith("whop_at_")
            assert datetime.fromisoformat(token["expires_at"]) == business.clock + expected
            assert token["token"] not in caplog.text
    assert server.requests == {"POST /access_tokens": 4}
    assert "/access_tokens" in caplog.text


# Files


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "POLL_SECONDS", 0.01)


def test_a_file_without_its_bytes(own: tuple[Server, Business, WhopClient]) -> None:
    _, business, client = own
    file = data(run(client, "create-file", {"filename": "a.pdf"}))
    assert file["upload_url"]
    assert file["upload_headers"]
    assert business.row("files", file["id"])["upload_status"] == "pending"


def test_a_file_is_uploaded_and_waited_for(
    own: tuple[Server, Business, WhopClient],
    tmp_path: Path,
    hurried: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server, business, client = own
    caplog.set_level(logging.DEBUG)
    # A test of the alerts that ran here before has silenced it.
    caplog.set_level(logging.DEBUG, "httpx")
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"\x89PNG" * 50_000)
    told: list[str] = []
    file = data(run(client, "create-file", upload=photo, progress=told.append))
    assert (file["filename"], file["size"]) == ("photo.png", "200000")
    assert (file["upload_status"], file["content_type"]) == ("ready", "image/png")
    assert file == business.row("files", file["id"])
    assert server.requests == {"POST /files": 1, "PUT /_uploads/{id}": 1, "GET /files/{id}": 3}
    assert "sending photo.png (200,000 bytes)" in told
    assert any("processing" in line for line in told)
    # The simulator refuses an upload that brings the key, and one without the signature; the
    # signature itself is in no line of any library's log.
    assert "X-Amz-Signature" not in caplog.text + "".join(told)
    assert "/files" in caplog.text


def test_a_file_can_have_another_name(
    own: tuple[Server, Business, WhopClient], tmp_path: Path, hurried: None
) -> None:
    _, _, client = own
    (tmp_path / "x.tmp").write_text("a,b\n")
    given = {"filename": "report.csv"}
    file = data(run(client, "create-file", given, upload=tmp_path / "x.tmp"))
    assert (file["filename"], file["content_type"]) == ("report.csv", "text/csv")


@pytest.mark.parametrize(
    ("fault", "says"),
    [(Fault("status", status=503), "HTTP 503"), (Fault("drop"), "RemoteProtocolError")],
)
def test_an_upload_that_does_not_get_there(
    own: tuple[Server, Business, WhopClient], tmp_path: Path, fault: Fault, says: str
) -> None:
    server, business, client = own
    server.faults.add("PUT /_uploads/{id}", fault)
    (tmp_path / "a.txt").write_text("a")
    text = error(run(client, "create-file", upload=tmp_path / "a.txt"))
    (row,) = [row for row in business.rows("files") if row["filename"] == "a.txt"]
    assert text == f"file {row['id']} is created, but its bytes did not get there: {says}"


def test_a_file_that_whop_cannot_process(
    own: tuple[Server, Business, WhopClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "READY_SECONDS", 0.0)
    (tmp_path / "empty.txt").touch()
    text = error(run(own[2], "create-file", upload=tmp_path / "empty.txt"))
    assert "could not process it" in text


def test_waiting_for_a_file_ends(
    own: tuple[Server, Business, WhopClient],
    tmp_path: Path,
    hurried: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upload, "READY_SECONDS", 0.0)
    (tmp_path / "a.txt").write_text("a")
    text = error(run(own[2], "create-file", upload=tmp_path / "a.txt"))
    assert "still processing" in text


# What is refused before anything is sent

BAD: list[tuple[str, Row, str]] = [
    ("list-dreams", {}, "No action list-dreams"),
    ("list-payments", {"colour": "red"}, "no parameter colour"),
    ("list-payments", {"updated_after": "2026-01-01"}, "no parameter updated_after"),
    ("retrieve-plan", {}, "id is missing"),
    ("retrieve-plan", {"id": ""}, "id is missing"),
    ("retrieve-plan", {"id": None}, "id is missing"),
    ("retrieve-plan", {"id": ".."}, "id cannot be '..'"),
    ("update-plan", {"title": "x"}, "id is missing"),
    ("create-file", {}, "filename is missing"),
    ("delete-promo-code", {}, "id is missing"),
    ("retrieve-plan", {"id": 7}, "id must be a text"),
    ("list-payments", {"first": "10"}, "first must be a whole number"),
    ("list-payments", {"first": True}, "first must be a whole number"),
    ("list-payments", {"first": 1.0}, "first must be a whole number"),
    ("list-payments", {"include_free": "true"}, "include_free must be true or false"),
    ("list-payments", {"include_free": 1}, "include_free must be true or false"),
    ("list-payments", {"statuses": "open"}, "statuses must be a list of texts"),
    ("list-payments", {"statuses": ["open", 1]}, "statuses must be a list of texts"),
    ("list-payments", {"created_after": "soon"}, "created_after must be a time"),
    ("list-payments", {"created_after": 1767225600}, "created_after must be a time"),
    ("list-payments", {"created_after": "0001-01-01T00:00:00+14:00"}, "created_after must be a"),
    ("update-plan", {"id": "plan_1", "billing_period": "30"}, "billing_period must be a whole"),
    ("update-plan", {"id": "plan_1", "renewal_price": "9.9"}, "renewal_price must be a number"),
    ("update-plan", {"id": "plan_1", "renewal_price": True}, "renewal_price must be a number"),
    ("update-plan", {"id": "plan_1", "renewal_price": float("nan")}, "renewal_price must be"),
    ("update-plan", {"id": "plan_1", "custom_fields": [1]}, "custom_fields must be a list of JSON"),
    (
        "update-plan",
        {"id": "plan_1", "payment_method_configuration": []},
        "payment_method_configuration must be a JSON object",
    ),
    ("update-plan", {"id": "plan_1", "currency": "btc"}, "currency can be usd, eur,"),
    ("update-plan", {"id": "plan_1", "currency": None}, "currency cannot be null"),
    ("update-plan", {"id": "plan_1", "visibility": "all"}, "visibility can be visible,"),
    ("update-plan", {"id": "plan_1", "override_tax_type": "x"}, "override_tax_type can be"),
    ("update-plan", {"id": "plan_1"}, "give one of title,"),
    ("list-apps", {"order": "name"}, "order can be discoverable_at,"),
    ("list-apps", {"app_type": "x"}, "app_type can be b2b_app,"),
    ("list-apps", {"view_type": "x"}, "view_type can be hub,"),
    ("list-authorized-users", {"role": "king"}, "role can be owner,"),
    ("list-members", {"order": "name"}, "order can be id,"),
    ("list-members", {"access_level": "x"}, "access_level can be no_access,"),
    ("list-memberships", {"company_id": "b", "order": "x"}, "order can be id,"),
    ("list-payments", {"order": "id"}, "order can be final_amount,"),
    ("list-payments", {"direction": "up"}, "direction can be asc, desc, not 'up'"),
    *(
        (name, {"company_id": "biz_1", "first": 1, "last": 1}, "give first or last, not both")
        for name in (name.lower() for name in CATALOGUE[4:10])
    ),
    ("list-memberships", {}, "give company_id, or set SOURCES__WHOP__COMPANY_ID"),
    ("list-payment-methods", {}, "give one of member_id, company_id, or set SOURCES__WHOP__"),
    ("create-access-token", {}, "give one of user_id, company_id"),
    ("create-access-token", {"user_id": None}, "give one of user_id, company_id"),
    (
        "create-access-token",
        {"user_id": "user_1", "company_id": "biz_1"},
        "give user_id or company_id, not both",
    ),
]


@pytest.mark.parametrize(("name", "given", "says"), BAD)
def test_what_cannot_be_right_is_not_sent(
    client: WhopClient, server: Server, name: str, given: Row, says: str
) -> None:
    server.reset_counters()
    assert says in error(run(client, name, given))
    with pytest.raises(BadParameter) as refused:
        prepare(name, given)
    assert isinstance(refused.value, ValueError)
    assert "\n" not in str(refused.value)
    assert not server.requests


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (timedelta(hours=3, seconds=1), "expires_at is more than 3 hours ahead"),
        (timedelta(hours=3), None),
        (timedelta(seconds=1), None),
        (timedelta(0), "expires_at is in the past"),
        (timedelta(hours=-1), "expires_at is in the past"),
    ],
)
@pytest.mark.parametrize("offset", [0, 5])
def test_when_a_token_may_end(after: timedelta, says: str | None, offset: int) -> None:
    ends = (NOW + after).astimezone(timezone(timedelta(hours=offset)))
    given = {"user_id": "user_1", "expires_at": ends.isoformat()}
    if says is None:
        body = prepare("create-access-token", given, now=NOW).body
        assert body is not None
        assert datetime.fromisoformat(body["expires_at"]) == NOW + after
    else:
        with pytest.raises(BadParameter, match=says):
            prepare("create-access-token", given, now=NOW)


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("list-payments", {"last": 3}, "leave out last"),
        ("list-payments", {"before": "c"}, "leave out before"),
        ("retrieve-plan", {"id": "plan_1"}, "of a list only"),
    ],
)
def test_all_pages_are_read_of_a_list_and_from_the_front(
    client: WhopClient, name: str, given: Row, says: str
) -> None:
    assert says in error(run(client, name, given, all_pages=True))


def test_only_a_file_that_is_there_is_uploaded(client: WhopClient, tmp_path: Path) -> None:
    missing = tmp_path / "none.png"
    assert "path cannot be read" in error(run(client, "create-file", upload=missing))
    assert "path cannot be read" in error(run(client, "create-file", upload=tmp_path))
    text = error(run(client, "retrieve-file", {"id": "file_1"}, upload=missing))
    assert "path is for create-file only" in text


def test_the_configured_company_is_not_guessed_to_want_a_token() -> None:
    with pytest.raises(BadParameter, match="give one of user_id, company_id"):
        prepare("create-access-token", {}, company_id="biz_1")


def test_a_time_without_an_offset_is_utc_wherever_it_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        for noon in ("2026-01-15T12:00:00", datetime(2026, 1, 15, 12)):
            query = prepare("list-payments", {"created_after": noon}).query
            assert query == {"created_after": "2026-01-15T12:00:00.000Z"}
    finally:
        monkeypatch.undo()
        time.tzset()


def test_values_of_which_the_catalogue_has_no_list_are_passed_on() -> None:
    given = {"statuses": ["of tomorrow"], "currencies": ["xyz"], "billing_reasons": ["new"]}
    assert prepare("list-payments", given).query == given


@pytest.mark.parametrize("odd", ["a/b", "a?b=c", "a#b", "../plans", "ü ö", "%2e%2e"])
def test_an_id_stays_one_part_of_the_path(client: WhopClient, server: Server, odd: str) -> None:
    server.reset_counters()
    assert "404" in error(run(client, "retrieve-member", {"id": odd}))
    ((operation, query),) = server.log
    # The simulator takes a slash apart after decoding; none of these reached another resource.
    assert operation in ("GET /members/{id}", f"GET /members/{odd}")
    assert query == {}


# What Whop refuses, and changes that may have been made


def test_what_whop_says_is_the_error(client: WhopClient) -> None:
    assert error(run(client, "retrieve-plan", {"id": "plan_none"})) == (
        "GET /plans/{id}: HTTP 404: No such plans: plan_none"
    )
    text = error(run(client, "update-plan", {"id": "plan_none", "title": "x"}))
    assert text == "PATCH /plans/{id}: HTTP 404: No such plans: plan_none"


def test_a_refused_key(server: Server) -> None:
    with WhopClient("wrong-key-31c2", server.base_url) as one:
        text = error(run(one, "retrieve-company", {"id": "me"}))
        with pytest.raises(KeyRefused):
            actions.perform(one, prepare("retrieve-company", {"id": "me"}))
    assert "SOURCES__WHOP__API_KEY" in text
    assert "wrong-key-31c2" not in text


CHANGES: dict[str, Row] = {
    "POST /files": {"filename": "a.pdf"},
    "PATCH /plans/{id}": {"title": "x"},
    "DELETE /promo_codes/{id}": {},
}


def change(business: Business, operation: str) -> tuple[str, Row]:
    resource = operation.split("/")[1]
    action = next(action for action in ACTIONS if action.operation == operation)
    key = {} if resource == "files" else {"id": business.rows(resource)[0]["id"]}
    return action.short_name, {**key, **CHANGES[operation]}


@pytest.mark.parametrize("operation", CHANGES)
@pytest.mark.parametrize(
    "fault", [Fault("drop"), Fault("cut"), Fault("html"), *(Fault("status", s) for s in (500, 503))]
)
def test_a_change_that_may_have_been_made_is_not_sent_twice(
    own: tuple[Server, Business, WhopClient], operation: str, fault: Fault
) -> None:
    server, business, client = own
    name, given = change(business, operation)
    server.faults.add(operation, Fault(fault.kind, fault.status))
    request = prepare(name, given)
    with pytest.raises(Unconfirmed):
        actions.perform(client, request)
    assert server.requests == {operation: 1}
    assert "look before sending it again" in error(run(client, name, given))


@pytest.mark.parametrize("operation", CHANGES)
@pytest.mark.parametrize("status", [409, 429])
def test_a_change_that_was_not_made_is_sent_again(
    own: tuple[Server, Business, WhopClient], operation: str, status: int
) -> None:
    server, business, client = own
    name, given = change(business, operation)
    server.faults.add(operation, Fault("status", status, seconds=0, at=[1, 2]))
    data(run(client, name, given))
    assert server.requests == {operation: 3}


def test_a_change_that_never_left_is_sent_again() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api/v1"
    with WhopClient("key", url, max_attempts=3, backoff=0.001) as one:
        text = error(run(one, "create-file", {"filename": "a.pdf"}))
        assert one.requests == {"POST /files": 3}
    assert "after 3 tries" in text


def test_reads_are_still_sent_again(own: tuple[Server, Business, WhopClient]) -> None:
    server, _, client = own
    for operation, name, given in (
        ("GET /members", "list-members", {}),
        ("GET /companies/{id}", "retrieve-company", {"id": "me"}),
    ):
        server.faults.add(operation, Fault("drop", at=[1]))
        server.faults.add(operation, Fault("status", 500, at=[2]))
        data(run(client, name, given))
        assert server.requests[operation] == 3


# Secrets


class Repeats:
    """A proxy that answers everything with what it was sent, or with half a secret."""

    def __init__(self, status: int, body: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/api/v1"
        self._status = status
        self._body = body

    def answer_once(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.recv(65536)
            head = f"HTTP/1.1 {self._status} x\r\nContent-Length: {len(self._body)}\r\n\r\n"
            connection.sendall(head.encode() + self._body)


def answer_of(status: int, body: bytes, name: str, given: Row, **how: Any) -> str:
    proxy = Repeats(status, body)
    thread = threading.Thread(target=proxy.answer_once, daemon=True)
    thread.start()
    with WhopClient("key-5b1f", proxy.base_url, max_attempts=1, timeout=5) as one:
        text = json.dumps(run(one, name, given, **how))
    thread.join(5)
    return text


def test_the_key_is_in_no_answer_even_when_it_is_repeated() -> None:
    body = b'{"error": {"message": "bad header: Bearer key-5b1f"}}'
    for status in (400, 401, 403, 404, 500):
        text = answer_of(status, body, "retrieve-company", {"id": "me"})
        assert "bad header: Bearer ***" in text
        assert "key-5b1f" not in text


@pytest.mark.parametrize(
    ("name", "given"),
    [("create-access-token", {"user_id": "u"}), ("retrieve-app", {"id": "app_1"})],
)
def test_half_an_answer_is_not_repeated(name: str, given: Row) -> None:
    text = answer_of(200, b'{"token": "whop_at_secret", "api_ke', name, given)
    assert "broken off" in text
    assert "whop_at" not in text


def test_what_is_shown_of_a_request_has_no_key(client: WhopClient, server: Server) -> None:
    shown = prepare(
        "list-memberships", {"statuses": ["active"], "first": 2}, company_id="biz_1"
    ).shown(f"{server.base_url}/")
    assert shown == {
        "method": "GET",
        "url": f"{server.base_url}/memberships",
        "headers": {"Authorization": "Bearer ***"},
        "query": {"statuses[]": ["active"], "first": "2", "company_id": "biz_1"},
        "body": None,
    }


def test_secrets_of_a_list_are_taken_out() -> None:
    """Whop's lists leave them out; should one ever not, the action does."""
    body = (
        b'{"data": [{"id": "app_1", "api_key": {"token": "s3cret"}, "secrets": {"a": "s3cret"}}],'
    )
    body += b' "page_info": {"has_next_page": false}}'
    for all_pages in (False, True):
        text = answer_of(200, body, "list-apps", {}, all_pages=all_pages)
        assert "app_1" in text
        assert "s3cret" not in text


def test_whop_error_is_the_only_thing_perform_raises(client: WhopClient) -> None:
    with pytest.raises(WhopError):
        actions.perform(client, prepare("retrieve-user", {"id": "nobody-at-all"}))


# On Whop's Current surface


def on_current(name: str, given: dict[str, Any]) -> Request:
    return prepare(name, given, company_id="biz_1", surface=CURRENT)


@pytest.mark.parametrize(
    ("name", "given", "path", "sent"),
    [
        ("retrieve-company", {"id": "me"}, "/accounts/me", {}),
        ("retrieve-plan", {"id": "plan_1"}, "/variants/plan_1", {}),
        ("update-plan", {"id": "plan_1", "title": "A"}, "/variants/plan_1", {"title": "A"}),
        (
            "list-members",
            {"statuses": ["left"], "order": "most_recent_action", "user_ids": ["u", "v"]},
            "/members",
            {"status": "left", "order": "most_recent_action_at", "user_ids": ["u", "v"]},
        ),
        (
            "list-memberships",
            {"user_ids": ["u"], "statuses": ["active", "canceling"], "order": "created_at"},
            "/memberships",
            {"user_id": "u", "statuses": ["active", "canceling"], "order": "created_at"},
        ),
        (
            "list-payments",
            {"statuses": ["open"], "currencies": ["eur"], "plan_ids": ["p"], "include_free": True},
            "/payments",
            {"status": "open", "currency": "eur", "plan_id": "p"},
        ),
        ("list-apps", {"verified_apps_only": True}, "/apps", {"verified": "true"}),
        (
            "create-access-token",
            {"company_id": "biz_1"},
            "/access_tokens",
            {"account_id": "biz_1"},
        ),
    ],
)
def test_a_call_is_made_as_current_takes_it(
    name: str, given: dict[str, Any], path: str, sent: dict[str, Any]
) -> None:
    request = on_current(name, given)
    assert request.path == path
    assert (request.body if request.action.changes else request.query) == sent


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("list-members", {"statuses": ["left", "joined"]}, "statuses takes one value"),
        ("list-members", {"statuses": ["drafted"]}, "statuses cannot be drafted"),
        ("list-members", {"order": "id"}, "order cannot be id"),
        ("list-memberships", {"cancel_options": ["other"]}, "there is no cancel_options"),
        ("list-memberships", {"order": "canceled_at"}, "order cannot be canceled_at"),
        ("list-payments", {"substatuses": ["refunded"]}, "there is no substatuses"),
        ("list-payments", {"include_free": False}, "include_free is always true"),
        ("list-payments", {"order": "final_amount"}, "order cannot be final_amount"),
        ("list-apps", {"order": "time_spent"}, "order cannot be time_spent"),
    ],
)
def test_what_current_has_not_is_said_before_anything_is_sent(
    name: str, given: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadParameter, match=f"{says} on Whop's Current surface"):
        on_current(name, given)
    prepare(name, given, company_id="biz_1")


def test_a_request_is_shown_as_current_gets_it() -> None:
    given = {"statuses": ["active", "canceling"]}
    assert on_current("list-memberships", given).shown("https://x")["query"] == {
        "statuses": ["active", "canceling"],
        "account_id": "biz_1",
    }


def test_every_name_of_current_belongs_to_a_parameter() -> None:
    for action in ACTIONS:
        there = action.current
        known = {each.name: each for each in action.parameters}
        named = {*there.names, *there.one, *there.gone, *there.always, *there.values}
        assert named <= known.keys(), action.name
        assert all(known[name].type.startswith("[") for name in there.one)
        for name, means in there.values.items():
            assert not known[name].enum or means.keys() <= {*known[name].enum}


@pytest.fixture
def current(own: tuple[Server, Business, WhopClient]) -> Iterator[tuple[Server, WhopClient]]:
    """Whop's Current surface, and a client of it."""
    server, _, _ = own
    with WhopClient(server.api_key, server.base_url, CURRENT.version, max_attempts=1) as one:
        yield server, one


ONE_VALUE: dict[str, Parameters] = {
    "list-payments": lambda b: {"include_free": True, "currencies": ["usd"], "last": 4},
}
"""Reads that take less on Current."""


def test_every_action_on_current(
    own: tuple[Server, Business, WhopClient], current: tuple[Server, WhopClient]
) -> None:
    _, business, _ = own
    server, client = current
    changes: dict[str, Row] = {
        "create-access-token": {"company_id": business.company_id},
        "create-file": {"filename": "a.pdf"},
        "update-plan": {**some("plans")(business), "title": "x"},
        "delete-promo-code": some("promo_codes")(business),
    }
    for action in ACTIONS:
        name = action.short_name
        given = {**READS, **ONE_VALUE}[name](business) if name in READS else changes[name]
        server.reset_counters()
        answer = run(client, name, given, company_id=business.company_id)
        found = data(answer)
        assert found, name
        path = action.path_on(CURRENT)
        assert server.requests == {f"{action.method} {path}": 1}
        if action.lists:
            assert found["data"], name
        text = json.dumps(found)
        for secret in action.secrets:
            assert f'"{secret}"' not in text, name
