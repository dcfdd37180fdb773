"""Which surface answers, and what is only told on one of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from whop_simulator import (
    CURRENT,
    KNOWN_DATES,
    LEGACY,
    Business,
    Deprecated,
    Fault,
    Server,
    serve,
)
from whop_simulator.refusal import Refused

Row = dict[str, Any]


@pytest.fixture(scope="module")
def business() -> Business:
    return Business(members=60, years=1)


@pytest.fixture
def server(business: Business) -> Iterator[Server]:
    with serve(business) as running:
        yield running


def get(server: Server, path: str, version: str | None = None, **query: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {server.api_key}"}
    if version is not None:
        headers["Api-Version-Date"] = version
    return httpx.get(f"{server.base_url}{path}", headers=headers, params=query)


def surface(server: Server, business: Business, version: str | None = None) -> str:
    """By the tenant's name that a list of payments takes."""
    for name, told in (("company_id", "legacy"), ("account_id", "current")):
        if get(server, "/payments", version, **{name: business.company_id}).is_success:
            return told
    raise AssertionError("neither")


@pytest.mark.parametrize(
    ("pin", "header", "told"),
    [
        (None, None, "legacy"),
        (None, LEGACY, "legacy"),
        (None, CURRENT, "current"),
        (CURRENT, None, "current"),
        (CURRENT, LEGACY, "legacy"),
        (LEGACY, CURRENT, "current"),
        (None, "2026-07-08-1", "legacy"),
        (None, "2026-09-02", "legacy"),
        (None, "2026-09-02-1", "current"),
        ("2026-09-23", None, "current"),
    ],
)
def test_the_header_decides_and_else_the_pin(
    business: Business, pin: str | None, header: str | None, told: str
) -> None:
    with serve(business, pin=pin) as running:
        assert surface(running, business, header) == told
        assert running.versions[header] >= 1


def test_a_date_nobody_knows_is_refused_with_those_there_are(server: Server) -> None:
    for date in ("2026-11-01", "tomorrow", "2026-10-15"):
        refused = get(server, "/members", date)
        assert refused.status_code == 400
        assert all(known in refused.json()["error"]["message"] for known in KNOWN_DATES)
    with pytest.raises(Refused, match="Supported versions"):
        serve(pin="2026-11-01").__enter__()


def test_something_between_drops_the_header(business: Business) -> None:
    for pin, told in ((None, "legacy"), (CURRENT, "current")):
        with serve(business, pin=pin) as running:
            other = LEGACY if pin else CURRENT
            assert surface(running, business, other) != told
            running.faults.add("*", Fault("strip_version"))
            assert surface(running, business, other) == told


def test_a_refusal_may_repeat_the_key(server: Server, business: Business) -> None:
    server.faults.add("*", Fault("echo_key"))
    server.faults.add("GET /members", Fault("status", status=403))
    assert server.api_key in get(server, "/members", company_id=business.company_id).text
    assert server.api_key not in get(server, "/plans", company_id=business.company_id).text
    wrong = httpx.get(f"{server.base_url}/plans", headers={"Authorization": "Bearer wrong-key"})
    assert "wrong-key" in wrong.text


def test_what_only_one_surface_has(business: Business) -> None:
    only_current = (
        *("/accounts", "/team_members", "/waitlist_entries", "/variants", "/payouts"),
        *("/financial_activity", "/permissions"),
    )
    own = {"account_id": business.company_id, "resource_id": business.company_id}

    def asked(running: Server, path: str, version: str) -> int:
        name = "resource_id" if path == "/permissions" else "account_id"
        query = {} if path in ("/accounts", "/companies") else {name: own[name]}
        return get(running, path, version, **query).status_code

    with serve(business) as running:
        assert {asked(running, path, CURRENT) for path in only_current} == {200}
        assert {asked(running, path, LEGACY) for path in only_current} == {200}
        assert {asked(running, path, CURRENT) for path in ("/companies", "/entries")} == {404}
        assert asked(running, "/withdrawals", CURRENT) == 410
        assert asked(running, f"/companies/{business.company_id}", CURRENT) == 404
    with serve(business, additions=False, left_behind=410, retired=("/leads",)) as running:
        assert {asked(running, path, LEGACY) for path in only_current} == {404}
        assert {asked(running, path, CURRENT) for path in ("/companies", "/entries")} == {410}
        assert asked(running, "/leads", CURRENT) == 410
        assert get(running, "/leads", LEGACY, company_id=business.company_id).is_success
    with serve(business, retired=("legacy:/leads",)) as running:
        refused = get(running, "/leads", LEGACY, company_id=business.company_id)
        assert (refused.status_code, refused.json()["error"]["code"]) == (410, "gone")
        assert asked(running, "/leads", CURRENT) == 200


def test_a_path_that_will_end_says_so(business: Business) -> None:
    ends = Deprecated(
        datetime(2026, 9, 1, tzinfo=UTC), "/api/v1/variants", datetime(2027, 3, 1, tzinfo=UTC)
    )
    with serve(business, deprecated={"/plans": ends}) as running:
        told = get(running, "/plans", company_id=business.company_id).headers
        assert told["Deprecation"] == "@1788220800"
        assert told["Link"] == '</api/v1/variants>; rel="successor-version"'
        assert told["Sunset"] == "Mon, 01 Mar 2027 00:00:00 GMT"
        assert "Deprecation" not in get(running, "/leads", company_id=business.company_id).headers


def test_payments_by_the_time_they_were_paid(business: Business) -> None:
    def ids(running: Server, version: str, **query: Any) -> set[str]:
        name = "company_id" if version == LEGACY else "account_id"
        rows: set[str] = set()
        cursor: Row = {}
        while True:
            page = get(
                running, "/payments", version, **{name: business.company_id}, **query, **cursor
            ).json()
            rows |= {row["id"] for row in page["data"]}
            if not page["page_info"]["has_next_page"]:
                return rows
            cursor = {"after": page["page_info"]["end_cursor"]}

    late = [
        row
        for row in business.rows("payments")
        if row["paid_at"] and row["paid_at"] > row["created_at"]
        and row["paid_at"][:10] > row["created_at"][:10] and row["total"]
    ]  # fmt: skip
    assert late
    between = {"created_after": late[0]["created_at"][:10] + "T23:59:59.999Z"}
    paid_later = late[0]["id"]
    with serve(business) as running:
        assert paid_later not in ids(running, LEGACY, **between)
    with serve(business, payments_by="paid") as running:
        assert paid_later in ids(running, LEGACY, **between)
        assert paid_later not in ids(running, CURRENT, **between)
        unpaid = {row["id"] for row in business.rows("payments") if row["paid_at"] is None}
        assert ids(running, LEGACY) >= unpaid != set()


def test_what_nobody_knows_of_current_is_a_switch(business: Business) -> None:
    own = {"account_id": business.company_id}
    with serve(business, pin=CURRENT) as running:
        assert get(running, "/members", **own, colour="red").status_code == 400
        assert get(running, "/members", **own, **{"user_ids[]": "user_x"}).status_code == 400
    with serve(business, pin=CURRENT, unknown="ignore") as running:
        assert get(running, "/members", **own, colour="red").is_success
        everybody = get(running, "/members", **own, **{"user_ids[]": "user_x"}).json()["data"]
        assert everybody
        # What Whop is known to refuse is refused all the same.
        assert get(running, "/payments", **own, updated_after="2026-01-01").status_code == 400
        assert get(running, "/refunds", company_id=business.company_id).status_code == 400
    with serve(business, pin=CURRENT, brackets=True) as running:
        assert get(running, "/members", **own, **{"user_ids[]": "user_x"}).json()["data"] == []


def test_plans_and_links_of_legacy_are_those_of_the_client_without_a_version(
    server: Server, business: Business
) -> None:
    refused = get(server, "/plans", account_id=business.company_id)
    assert (refused.status_code, "company_id" in refused.text) == (400, True)
    plan = get(server, "/plans", company_id=business.company_id).json()["data"][0]
    assert plan["company"]["id"] == business.company_id
    assert "account" not in plan
    link = get(server, "/checkout_configurations", company_id=business.company_id).json()["data"][0]
    assert isinstance(link["created_at"], int)
    assert isinstance(link["updated_at"], int)
    since = datetime.fromtimestamp(link["created_at"], UTC) - timedelta(seconds=1)
    for given in (int(since.timestamp()), since.isoformat()):
        found = get(
            server,
            "/checkout_configurations",
            company_id=business.company_id,
            created_after=given,
        ).json()["data"]
        assert [row["id"] for row in found] == [link["id"]]


def test_rows_made_by_hand_are_shown_on_both(business: Business) -> None:
    made = Business.empty()
    member = {**business.row("members", business.rows("members")[0]["id"]), "id": "mber_byhand"}
    made.put("members", {**member, "shoe_size": 44, "phone": "+1"})
    membership = business.row("memberships", business.rows("memberships")[0]["id"])
    made.put("memberships", {**membership, "status": "canceling", "cancel_at_period_end": True})
    payment = next(row for row in business.rows("payments") if row["total"] and row["paid_at"])
    made.put("payments", payment)
    with serve(made, pin=CURRENT) as running:
        (shown,) = get(running, "/members").json()["data"]
        assert (shown["shoe_size"], shown["phone_number"]) == (44, "+1")
        assert "phone" not in shown
        (shown,) = get(running, "/memberships", status="canceling").json()["data"]
        assert (shown["status"], shown["cancel_at_period_end"]) == ("active", True)
        assert get(running, "/memberships", status="active").json()["data"] == []
        made.put("memberships", {**membership, "status": "active", "cancel_at_period_end": True})
        assert get(running, "/memberships", status="active").json()["data"] == []
        assert len(get(running, "/memberships", status="canceling").json()["data"]) == 1
        made.put("memberships", {**membership, "status": "active", "cancel_at_period_end": False})
        assert len(get(running, "/memberships", statuses="active").json()["data"]) == 1
        (shown,) = get(running, "/payments").json()["data"]
        assert shown["presentment_total"]["amount"].startswith(f"{payment['total']:g}"[:3])
        company = {"account_id": made.company_id}
        lines = get(running, "/financial_activity", **company, balance_type="total").json()["data"]
        of_it = [line for line in lines if line["payment_id"] == payment["id"]]
        assert {line["line_type"] for line in of_it} >= {"payment_gross"}
        assert {line["posted_at"] for line in of_it} == {payment["paid_at"]}


def test_what_moves_within_the_total_is_left_out_where_that_is_asked_for(
    business: Business,
) -> None:
    company = {"account_id": business.company_id, "line_types": "psp_reserve_hold"}

    with serve(business, pin=CURRENT) as running:

        def held(**query: str) -> bool:
            answer = get(running, "/financial_activity", **company, **query)
            return bool(answer.raise_for_status().json()["data"])

        assert held()
        assert held(balance_type="available")
        assert held(exclude_internal_movements="false")
        assert not held(balance_type="total")
        assert not held(exclude_internal_movements="true")


def test_who_may_not_see_an_address_sees_none_on_current(business: Business) -> None:
    with serve(business, pin=CURRENT, permissions={
        "member:basic:read", "payment:basic:read", "plan:basic:read", "access_pass:basic:read",
        "promo_code:basic:read", "company:basic:read", "payment:dispute:read",
        "company:balance:read", "company:authorized_user:read",
    }) as running:  # fmt: skip
        for path, places in (
            ("/members", ("email", "phone_number")),
            ("/payments", ("customer_email", "customer_phone")),
            ("/memberships", ("phone_number",)),
            ("/team_members", ("email",)),
            ("/financial_activity", ("user_email",)),
        ):
            rows = get(running, path, account_id=business.company_id).json()["data"]
            assert rows
            assert {row[name] for row in rows for name in places} == {None}, path
        disputes = get(running, "/disputes").json()["data"]
        assert {row["buyer"]["email"] for row in disputes} == {None}


def test_nonsense_put_in_by_hand_is_passed_on_and_moves_no_money(business: Business) -> None:
    payment = business.row(
        "payments",
        next(row["id"] for row in business.rows("payments") if row["total"] and row["paid_at"]),
    )
    unfit: list[Row] = [
        {"total": "n/a", "plan": "plan_x"},
        {"total": "10.43", "plan": []},
        {"total": {"a": 1}, "plan": None},
        {"total": True, "paid_at": 1700000000.5},
        {"paid_at": "soon", "user": None},
    ]
    for wrong in unfit:
        made = Business.empty()
        made.put("payments", payment)
        with serve(made, pin=CURRENT) as running:
            before = get(running, "/financial_activity", account_id=made.company_id).json()
            made.put("payments", {**payment, **wrong})
            for path in ("/payments", f"/payments/{payment['id']}", "/payouts"):
                query = {"account_id": made.company_id} if path == "/payouts" else {}
                assert get(running, path, **query).is_success, (path, wrong)
            after = get(running, "/financial_activity", account_id=made.company_id).json()
            assert [line["amount"] for line in after["data"]] == [
                line["amount"] for line in before["data"]
            ]
            assert get(running, f"/payments/{payment['id']}/fees").is_success
            (shown,) = get(running, "/payments").json()["data"]
            if isinstance(wrong.get("total"), str):
                assert shown["presentment_total"] == wrong["total"]
