"""The simulator over HTTP: paging, tenants, refusals, limits, faults and controls."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from whop_simulator import ALL_PERMISSIONS, Business, Fault, Server, serve
from whop_simulator.endpoints import ENDPOINTS

Row = dict[str, Any]
LISTED = [endpoint.resource for endpoint in ENDPOINTS if endpoint.listed]


@pytest.fixture(scope="module")
def business() -> Business:
    return Business(members=60, years=1)


@pytest.fixture(scope="module")
def second() -> Business:
    return Business(seed=12, members=30, years=1)


@pytest.fixture
def server(business: Business, second: Business) -> Iterator[Server]:
    with serve(business, second) as running:
        yield running


def client(server: Server, **headers: str) -> httpx.Client:
    authorized = {"Authorization": f"Bearer {server.api_key}", **headers}
    return httpx.Client(base_url=server.base_url, headers=authorized, timeout=5)


def tenant(business: Business, resource: str) -> Row:
    if resource in ("companies", "transfers"):
        return {}
    if resource == "reviews":
        return {"product_id": business.rows("products")[0]["id"]}
    return {"company_id": business.company_id}


def pages(server: Server, path: str, **query: Any) -> Iterator[list[Row]]:
    with client(server) as http:
        while True:
            answer = http.get(path, params=query).raise_for_status().json()
            yield answer["data"]
            if not answer["page_info"]["has_next_page"]:
                return
            query["after"] = answer["page_info"]["end_cursor"]


def ids(rows: list[Row]) -> list[str]:
    return [row["id"] for row in rows]


def message(answer: httpx.Response) -> str:
    body = answer.json()
    inner = body.get("error") or (body.get("errors") or [body])[0]
    assert inner["code"]
    return str(inner["message"])


# Paging


@pytest.mark.parametrize("paging", ["keyset", "offset"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_pages_forward_and_backward(business: Business, paging: Any, direction: str) -> None:
    query = {"company_id": business.company_id, "direction": direction}
    with serve(business, paging=paging) as server, client(server) as http:
        ahead = list(pages(server, "/payments", first=30, **query))
        assert [len(page) for page in ahead[:-1]] == [30] * (len(ahead) - 1)
        whole = [row for page in ahead for row in page]
        assert len(set(ids(whole))) == len(whole) > 200
        back: list[Row] = []
        asked: Row = {**query, "last": 30}
        while True:
            answer = http.get("/payments", params=asked).json()
            back = answer["data"] + back
            info = answer["page_info"]
            assert info["has_next_page"] is ("before" in asked)
            if not info["has_previous_page"]:
                break
            asked["before"] = info["start_cursor"]
        assert back == whole


def test_the_last_page_still_has_a_cursor_and_behind_it_is_nothing(
    server: Server, business: Business
) -> None:
    query: dict[str, Any] = {"company_id": business.company_id, "first": 100}
    with client(server) as http:
        answer = http.get("/members", params=query).json()
        info = answer["page_info"]
        assert (info["has_next_page"], info["has_previous_page"]) == (False, False)
        behind = http.get("/members", params={**query, "after": info["end_cursor"]}).json()
    assert behind == {
        "data": [],
        "page_info": {
            "start_cursor": None,
            "end_cursor": None,
            "has_next_page": False,
            "has_previous_page": True,
        },
    }


def test_a_page_holds_at_most_a_hundred(business: Business) -> None:
    with serve(business) as server:
        query = {"company_id": business.company_id, "first": 5000}
        assert len(next(pages(server, "/payments", **query))) == 100


def moved(business: Business, row: Row, created_at: str) -> Row:
    return {**row, "id": f"pay_new{created_at}", "created_at": created_at}


@pytest.mark.parametrize(
    ("paging", "again", "lost"), [("keyset", 0, 0), ("offset", 1, 0)], ids=["keyset", "offset"]
)
def test_a_row_that_comes_between_two_pages(paging: Any, again: int, lost: int) -> None:
    """Cursors that are offsets show a row twice when one is inserted before them."""
    business = Business(members=60, years=1)
    there = {row["id"] for row in business.rows("payments") if row["total"] != 0}
    calls: list[tuple[str, int]] = []

    def insert(operation: str, number: int) -> None:
        calls.append((operation, number))
        if number == 1:
            row = business.rows("payments")[0]
            business.put("payments", moved(business, row, "2026-01-15T09:00:00.000Z"))

    with serve(business, paging=paging) as server:
        server.between_pages = insert
        query = {"company_id": business.company_id, "first": 100}
        read = [row["id"] for page in pages(server, "/payments", **query) for row in page]
    assert calls == [("GET /payments", n) for n in range(1, len(calls) + 1)]
    assert len(read) - len(set(read)) == again
    assert len(there - set(read)) == lost


@pytest.mark.parametrize(("paging", "lost"), [("keyset", 0), ("offset", 1)])
def test_a_row_that_goes_between_two_pages(paging: Any, lost: int) -> None:
    """Cursors that are offsets skip a row when one before them goes."""
    business = Business(members=60, years=1)
    with serve(business, paging=paging) as server:
        query = {"company_id": business.company_id, "first": 100}
        all_of_them = [row["id"] for page in pages(server, "/payments", **query) for row in page]
        gone = all_of_them[3]
        server.between_pages = lambda _, number: (
            business.remove("payments", gone) if number == 1 else None
        )
        read = [row["id"] for page in pages(server, "/payments", **query) for row in page]
    assert len(set(all_of_them) - set(read)) == lost


def test_the_clock_may_move_between_two_pages() -> None:
    business = Business(members=60, years=1)
    there = {row["id"] for row in business.rows("payments") if row["total"] != 0}
    with serve(business) as server:
        server.between_pages = lambda *_: business.advance(timedelta(days=9))
        query = {"company_id": business.company_id}
        read = [row["id"] for page in pages(server, "/payments", **query) for row in page]
    assert len(read) == len(set(read))
    assert there <= set(read)


def test_rows_by_hand_are_filtered_and_sorted_like_others() -> None:
    business = Business.empty(company_id="biz_hand")
    times = ("2025-12-01T00:00:00.000Z", "2025-12-03T00:00:00+00:00", 1764633600)  # the 2nd
    for number, created_at in enumerate(times):
        row = {"id": f"mber_{number}", "created_at": created_at, "status": "joined"}
        business.put("members", row)
    business.put("authorized_users", {"id": "ausr_1", "_created_at": times[0], "role": "owner"})
    business.put("payment_methods", {"id": "pmtk_1", "created_at": times[0], "_member_id": "m"})

    with serve(business) as server, client(server) as http:

        def read(path: str, **query: Any) -> list[str]:
            return ids(http.get(path, params=query).raise_for_status().json()["data"])

        assert read("/members") == ["mber_1", "mber_2", "mber_0"]
        assert read("/members", created_after="2025-12-02T12:00:00Z") == ["mber_1"]
        assert read("/members", **{"statuses[]": "left"}) == []
        assert read("/authorized_users", created_after="2025-12-02T00:00:00Z") == []
        assert read("/authorized_users", created_before="2025-12-02T00:00:00Z") == ["ausr_1"]
        assert read("/payment_methods", member_id="m") == ["pmtk_1"]
        assert read("/payment_methods", member_id="n") == []
        row = http.get("/authorized_users/ausr_1").json()
    assert row == {"id": "ausr_1", "role": "owner"}


# What is refused


BAD = [
    ("first", "0"),
    ("first", "many"),
    ("first", "-3"),
    ("after", "not-a-cursor"),
    ("after", "WyJ4Il0"),
    ("created_after", "yesterday"),
    ("created_after", "2026-13-01T00:00:00Z"),
    ("order", "colour"),
    ("direction", "sideways"),
    ("statuses[]", "splendid"),
    ("statuses", "paid"),  # without brackets it is not an array, and no parameter
    ("include_free", "perhaps"),
    ("colour", "red"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_value_or_a_name_that_does_not_exist(
    server: Server, business: Business, name: str, value: str
) -> None:
    with client(server) as http:
        answer = http.get("/payments", params={"company_id": business.company_id, name: value})
    assert answer.status_code == 400
    assert name.removesuffix("[]") in message(answer) or "cursor" in message(answer)


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("reviews", "min_stars", "6"),
        ("reviews", "product_id", None),
        ("checkout_configurations", "created_after", "yesterday"),
        ("leads", "direction", "asc"),
        ("shipments", "created_after", "2026-01-01T00:00:00Z"),
        ("invoices", "order", "number"),
        ("payments/pay_x/fees", "order", "created_at"),
    ],
)
def test_a_value_or_a_name_that_another_list_has(
    server: Server, business: Business, path: str, name: str, value: str | None
) -> None:
    given = {**tenant(business, path), name: value}
    if path.endswith("fees"):
        given.pop("company_id")
    with client(server) as http:
        answer = http.get(f"/{path}", params={k: v for k, v in given.items() if v is not None})
    assert answer.status_code == 400
    assert name in message(answer)


@pytest.mark.parametrize("resource", LISTED)
def test_every_list_refuses_what_it_does_not_know(
    server: Server, business: Business, resource: str
) -> None:
    own = tenant(business, resource)
    with client(server) as http:
        assert http.get(f"/{resource}", params=own).status_code == 200
        assert http.get(f"/{resource}", params={**own, "colour": "red"}).status_code == 400
        assert http.get(f"/{resource}", params={**own, "first": 1, "last": 1}).status_code == 400
        key = business.rows(resource)[0]["id"]
        assert http.get(f"/{resource}/{key}").status_code == 200
        assert http.get(f"/{resource}/{key}", params={"colour": "red"}).status_code == 400
        missing = http.get(f"/{resource}/{key[:-1]}{'a' if key[-1] != 'a' else 'b'}")
        assert missing.status_code == 404
        message(missing)


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ("authorized_users", "order"),
        ("authorized_users", "direction"),
        ("payment_methods", "order"),
        ("promo_codes", "direction"),
        ("products", "created_after"),
        ("apps", "created_after"),
        ("memberships", "updated_after"),
        ("payments", "user_ids[]"),
    ],
)
def test_what_some_lists_lack(server: Server, business: Business, resource: str, name: str) -> None:
    query = {**tenant(business, resource), name: "desc"}
    with client(server) as http:
        assert http.get(f"/{resource}", params=query).status_code == 400


def test_errors_differ_in_shape(server: Server, business: Business) -> None:
    shapes = set()
    with client(server) as http:
        for resource in LISTED:
            answer = http.get(f"/{resource}", params={**tenant(business, resource), "colour": "x"})
            message(answer)
            shapes.add(tuple(answer.json()))
    assert shapes == {("error",), ("code", "message"), ("errors",)}


def test_keys_versions_and_paths(server: Server, business: Business) -> None:
    query = tenant(business, "members")
    with client(server) as http:
        assert http.get("/members", params=query).status_code == 200
        assert http.get("/nothing").status_code == 404
        assert http.post("/members", json={}).status_code == 405
        legacy = {"Api-Version-Date": "2025-01-01"}
        assert http.get("/members", params=query, headers=legacy).status_code == 200
        unknown = http.get("/members", params=query, headers={"Api-Version-Date": "2031-01-01"})
        assert unknown.status_code == 400
        assert "2025-01-01" in message(unknown)
        wrong = http.get("/members", params=query, headers={"Authorization": "Bearer nonsense"})
        assert wrong.status_code == 401
    assert httpx.get(f"{server.base_url}/members", params=query).status_code == 401


def test_a_refused_parameter(business: Business) -> None:
    query = {**tenant(business, "payments"), "updated_after": "2026-01-01T00:00:00Z"}
    with serve(business, refuse={"/payments": {"updated_after"}}) as server, client(server) as http:
        answer = http.get("/payments", params=query)
        assert answer.status_code == 400
        assert "updated_after" in message(answer)
    with serve(business) as server, client(server) as http:
        assert http.get("/payments", params=query).status_code == 200


@pytest.mark.parametrize(("bounds", "found"), [("exclusive", 0), ("inclusive", 1)])
@pytest.mark.parametrize(("name", "step"), [("created_after", -1), ("created_before", 1)])
def test_bounds_are_to_the_millisecond(
    business: Business, bounds: Any, found: int, name: str, step: int
) -> None:
    row = business.rows("memberships")[0]
    from datetime import datetime

    exact = datetime.fromisoformat(row["created_at"])
    with serve(business, bounds=bounds) as server:
        for offset, expected in ((0, found), (step, 1), (-step, 0)):
            at = exact + timedelta(milliseconds=offset)
            query = {**tenant(business, "memberships"), name: at.isoformat()}
            read = [one["id"] for page in pages(server, "/memberships", **query) for one in page]
            assert read.count(row["id"]) == expected


# Tenants


def companies_in(rows: list[Row]) -> set[str]:
    return {row["company"]["id"] for row in rows}


def test_without_the_tenant(server: Server, business: Business, second: Business) -> None:
    with client(server) as http:
        apps = http.get("/apps").json()["data"]
        assert companies_in(apps) > {business.company_id, second.company_id}
        own = http.get("/apps", params=tenant(business, "apps")).json()["data"]
        assert companies_in(own) == {business.company_id}
        for resource in ("memberships", "promo_codes", "plans", "payment_methods"):
            answer = http.get(f"/{resource}")
            assert answer.status_code == 400
            assert "_id" in message(answer)
        payments = http.get("/payments").json()["data"]
        assert companies_in(payments) == {business.company_id}
        members = http.get("/members").json()["data"]
        assert set(ids(members)) <= set(ids(business.rows("members")))
        companies = http.get("/companies").json()["data"]
        assert set(ids(companies)) == {business.company_id, second.company_id}


def test_products_ignore_a_tenant_name_they_do_not_know(
    server: Server, business: Business, second: Business
) -> None:
    own = set(ids(business.rows("products")))
    with client(server) as http:
        named = http.get("/products", params={"company_id": business.company_id}).json()["data"]
        assert set(ids(named)) <= own
        other = http.get("/products", params={"account_id": business.company_id}).json()["data"]
        assert set(ids(named)) < set(ids(other))
        assert set(ids(other)) - own - set(ids(second.rows("products")))  # the foreign company's


def test_a_path_that_wants_the_other_name(business: Business) -> None:
    renamed = {"/products": "account_id", "/payments": "account_id"}
    with serve(business, tenant=renamed) as server, client(server) as http:
        refused = http.get("/payments", params={"company_id": business.company_id})
        assert refused.status_code == 400
        assert "account_id" in message(refused)
        assert http.get("/payments", params={"account_id": business.company_id}).json()["data"]
        ignored = http.get("/products", params={"company_id": business.company_id}).json()["data"]
        named = http.get("/products", params={"account_id": business.company_id}).json()["data"]
        assert len(ignored) > len(named) > 0


def test_companies_the_key_cannot_reach(server: Server, business: Business) -> None:
    with client(server) as http:
        apps = http.get("/apps").json()["data"]
        foreign = next(
            row
            for row in apps
            if row["company"]["id"] not in {one.company_id for one in server.businesses}
        )
        company = foreign["company"]["id"]
        assert http.get("/payments", params={"company_id": company}).status_code == 403
        assert http.get(f"/apps/{foreign['id']}").status_code == 403
        assert http.get("/payments", params={"company_id": "biz_nobody"}).status_code == 404
        both = {"company_id": business.company_id, "member_id": "mber_x"}
        assert http.get("/payment_methods", params=both).status_code == 400


def test_no_foreign_company_when_not_wanted(business: Business) -> None:
    with serve(business, foreign=False) as server, client(server) as http:
        assert companies_in(http.get("/apps").json()["data"]) == {business.company_id}


# Permissions


def test_a_missing_permission_is_named(business: Business) -> None:
    lacking = ALL_PERMISSIONS - {"promo_code:basic:read"}
    with serve(business, permissions=lacking) as server, client(server) as http:
        answer = http.get("/promo_codes", params=tenant(business, "promo_codes"))
        assert answer.status_code == 403
        assert "promo_code:basic:read" in message(answer)
        assert http.get("/members", params=tenant(business, "members")).status_code == 200


def test_without_the_right_to_read_addresses(business: Business) -> None:
    lacking = ALL_PERMISSIONS - {"member:email:read", "member:phone:read"}
    member = next(row for row in business.rows("members") if row["user"] and row["phone"])
    email = member["user"]["email"]
    with serve(business, permissions=lacking) as server, client(server) as http:
        text = ""
        for resource in ("members", "memberships", "payments", "authorized_users"):
            answer = http.get(f"/{resource}", params=tenant(business, resource))
            assert answer.json()["data"]
            text += answer.text
        one = http.get(f"/members/{member['id']}").json()
        assert (one["phone"], one["user"]["email"]) == (None, None)
        assert one["user"]["name"] == member["user"]["name"]
        assert email not in text
        assert member["phone"] not in text
        assert "@" not in text
        query = {**tenant(business, "members"), "query": email}
        assert http.get("/members", params=query).json()["data"] == []
    with serve(business) as server, client(server) as http:
        query = {**tenant(business, "members"), "query": email}
        assert ids(http.get("/members", params=query).json()["data"]) == [member["id"]]


def test_secrets_are_there_to_leak(server: Server, business: Business) -> None:
    app = business.rows("apps")[0]["id"]
    with client(server) as http:
        row = http.get(f"/apps/{app}").json()
    assert row["api_key"]["token"].startswith("whop_sk_")
    assert row["secrets"]


# Limits and faults


def members_of(server: Server) -> Callable[[], httpx.Response]:
    http = client(server)
    query = tenant(server.businesses[0], "members")
    return lambda: http.get("/members", params=query)


def test_the_rate_limit_is_per_operation_and_key(business: Business) -> None:
    with serve(business, rate_limit=3, rate_window=1.0, retry_after=True) as server:
        ask = members_of(server)
        assert [ask().status_code for _ in range(4)] == [200, 200, 200, 429]
        with client(server) as http:
            assert http.get("/companies/me").status_code == 200
        answer = ask()
        assert answer.headers["Retry-After"] == "1"
        assert "1 second" in message(answer)
        time.sleep(1.05)
        assert ask().status_code == 200
    with serve(business, rate_limit=1) as server:
        ask = members_of(server)
        ask()
        answer = ask()
        assert answer.status_code == 429
        assert "Retry-After" not in answer.headers
        assert "60 seconds" in message(answer)


def test_six_hundred_a_minute(business: Business) -> None:
    with serve(business, rate_limit=600) as server:
        with client(server) as http:
            codes = [http.get("/companies/me").status_code for _ in range(602)]
        assert codes == [200] * 600 + [429] * 2


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503])
def test_a_status_instead_of_the_answer(server: Server, status: int) -> None:
    server.faults.add("GET /members", Fault("status", status=status, at=[2], seconds=7))
    ask = members_of(server)
    answers = [ask() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, status, 200]
    assert ("7 seconds" in message(answers[1])) is (status == 429)


def test_which_requests_a_fault_hits(server: Server) -> None:
    ask = members_of(server)
    server.faults.add("GET /members", Fault("status", since=3))
    assert [ask().status_code for _ in range(4)] == [200, 200, 503, 503]
    server.faults.clear()
    server.faults.add("*", Fault("status", status=500))
    assert ask().status_code == 500
    server.faults.clear()
    chances = []
    for _ in range(2):
        server.faults.clear()
        server.faults.add("GET /members", Fault("status", probability=0.5, seed=3))
        chances.append([ask().status_code for _ in range(30)])
    assert chances[0] == chances[1]
    assert 5 < chances[0].count(503) < 25
    server.faults.clear()
    server.faults.add("GET /payments", Fault("drop"))
    assert ask().status_code == 200


def test_broken_answers(server: Server) -> None:
    ask = members_of(server)
    server.faults.add("GET /members", Fault("drop", at=[1]))
    server.faults.add("GET /members", Fault("cut", at=[2]))
    server.faults.add("GET /members", Fault("html", at=[3]))
    with pytest.raises(httpx.RemoteProtocolError, match="Server disconnected"):
        ask()
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        ask()
    answer = ask()
    assert answer.status_code == 200
    assert answer.text.startswith("<html>")
    assert len(ask().json()["data"]) > 50


def test_a_cursor_that_repeats(server: Server) -> None:
    server.faults.add("GET /members", Fault("repeat_cursor"))
    ask = members_of(server)
    infos = [ask().json()["page_info"] for _ in range(2)]
    assert infos[0]["end_cursor"] == infos[1]["end_cursor"]
    with client(server) as http:
        query = {**tenant(server.businesses[0], "members"), "after": infos[0]["end_cursor"]}
        answer = http.get("/members", params=query)
    assert answer.status_code == 200
    assert answer.json()["page_info"]["has_next_page"] is True
    assert answer.json()["page_info"]["end_cursor"] == infos[0]["end_cursor"]


def test_slow_answers(business: Business) -> None:
    with serve(business, latency=0.1) as server:
        ask = members_of(server)
        started = time.monotonic()
        ask()
        assert time.monotonic() - started >= 0.1
        server.faults.add("GET /members", Fault("slow", seconds=0.3))
        started = time.monotonic()
        assert ask().status_code == 200
        assert time.monotonic() - started >= 0.4


# Telling and controlling


def test_requests_are_counted_and_logged(server: Server, business: Business) -> None:
    plan = business.rows("plans")[0]["id"]
    with client(server) as http:
        http.get(f"/plans/{plan}")
        query = {**tenant(business, "memberships"), "statuses[]": ["active", "past_due"]}
        http.get("/memberships", params=query)
    assert server.requests == {"GET /plans/{id}": 1, "GET /memberships": 1}
    assert server.log[1] == (
        "GET /memberships",
        {"company_id": [business.company_id], "statuses[]": ["active", "past_due"]},
    )
    server.reset_counters()
    assert not server.requests
    assert not server.log


def test_the_date_is_the_simulated_clock() -> None:
    business = Business(members=5, years=1)
    with serve(business) as server:
        ask = members_of(server)
        assert parsedate_to_datetime(ask().headers["Date"]) == business.clock
        server.advance(timedelta(days=3))
        assert parsedate_to_datetime(ask().headers["Date"]) == business.clock


def test_a_closed_server_is_gone(business: Business) -> None:
    with serve(business) as server:
        ask = members_of(server)
        ask()
    with pytest.raises(httpx.TransportError):
        ask()


def test_a_mistake_in_a_hook_is_seen(
    server: Server, business: Business, capfd: pytest.CaptureFixture[str]
) -> None:
    def stumble(*_: object) -> None:
        raise RuntimeError("in the hook")

    server.between_pages = stumble
    with client(server) as http:
        query = {**tenant(business, "members"), "first": 2}
        cursor = http.get("/members", params=query).json()["page_info"]["end_cursor"]
        answer = http.get("/members", params={**query, "after": cursor})
    assert answer.status_code == 500
    assert "in the hook" in capfd.readouterr().err


def test_as_a_process() -> None:
    command = [sys.executable, "-m", "whop_simulator"]
    options = [
        "--members",
        "40",
        "--years",
        "1",
        "--companies",
        "2",
        "--tenant",
        "/members:account_id",
    ]
    options += ["--refuse", "/payments:updated_after", "--without-permission", "member:email:read"]
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True, cwd=root)
    try:
        assert process.stdout is not None
        url, key, company, other = process.stdout.readline().split()
        root_url = url.removesuffix("/api/v1")
        http = httpx.Client(headers={"Authorization": f"Bearer {key}"})
        assert http.get(f"{url}/members", params={"company_id": company}).status_code == 400
        rows = http.get(f"{url}/members", params={"account_id": company}).json()["data"]
        assert {row["user"]["email"] for row in rows if row["user"]} == {None}
        query = {"company_id": other, "updated_after": "2026-01-01T00:00:00Z"}
        assert http.get(f"{url}/payments", params=query).status_code == 400

        told = http.get(f"{root_url}/_simulator/requests").json()
        assert told["requests"] == {"GET /members": 2, "GET /payments": 1}
        assert told["log"][1]["query"] == {"account_id": [company]}
        http.post(f"{root_url}/_simulator/reset")
        assert http.get(f"{root_url}/_simulator/requests").json()["log"] == []

        moved = http.post(f"{root_url}/_simulator/clock", json={"advance_days": 30}).json()
        assert moved == {"clock": "2026-02-14T09:00:00+00:00"}
        to = {"to": "2026-03-01T00:00:00Z"}
        assert (
            http.post(f"{root_url}/_simulator/clock", json=to).json()["clock"][:10] == to["to"][:10]
        )
        back = http.post(f"{root_url}/_simulator/clock", json={"to": "2020-01-01T00:00:00Z"})
        assert back.status_code == 400
        later = http.get(f"{root_url}/_simulator/rows/members").json()
        assert len(later) > 80

        faults = {"GET /apps": [{"kind": "status", "status": 502, "at": [1]}]}
        assert http.put(f"{root_url}/_simulator/faults", json=faults).status_code == 200
        assert [http.get(f"{url}/apps").status_code for _ in range(2)] == [502, 200]
        wrong = http.put(f"{root_url}/_simulator/faults", json={"*": [{"kind": "x", "y": 1}]})
        assert wrong.status_code == 400
        assert http.get(f"{root_url}/_simulator/nothing").status_code == 404
    finally:
        process.terminate()
        process.wait(5)
