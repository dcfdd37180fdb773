"""The actions beside Whop's own client: the same requests, and answers of which it approves.

With `_strict_response_validation` the client raises on a field that is missing or of another type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, get_args, get_type_hints

import httpx
import pytest
import whop_sdk
from whop_sdk import Whop

from whop_actions import ACTIONS, Action, find, run
from whop_simulator import Business, Server, serve
from whop_source.client import WhopClient

Row = dict[str, Any]
Call = Callable[[Whop, Business], Any]

EARLIER = datetime(2025, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Twin:
    """One call, put to our action and to the official client."""

    given: Callable[[Business], Row]
    call: Call


def first(business: Business, resource: str) -> str:
    return str(business.rows(resource)[0]["id"])


TWINS: dict[str, Twin] = {
    "list-apps": Twin(
        lambda b: {"company_id": b.company_id, "app_type": "b2b_app", "verified_apps_only": False},
        lambda w, b: w.apps.list(
            company_id=b.company_id, app_type="b2b_app", verified_apps_only=False
        ),
    ),
    "list-authorized-users": Twin(
        lambda b: {"company_id": b.company_id, "role": "owner", "created_before": EARLIER},
        lambda w, b: w.authorized_users.list(
            company_id=b.company_id, role="owner", created_before=EARLIER
        ),
    ),
    "list-members": Twin(
        lambda b: {
            "company_id": b.company_id,
            "statuses": ["joined", "left"],
            "order": "joined_at",
            "direction": "asc",
            "first": 20,
        },
        lambda w, b: w.members.list(
            company_id=b.company_id,
            statuses=["joined", "left"],
            order="joined_at",
            direction="asc",
            first=20,
        ),
    ),
    "list-memberships": Twin(
        lambda b: {"company_id": b.company_id, "created_before": EARLIER, "last": 5},
        lambda w, b: w.memberships.list(company_id=b.company_id, created_before=EARLIER, last=5),
    ),
    "list-payment-methods": Twin(
        lambda b: {"company_id": b.company_id, "direction": "asc"},
        lambda w, b: w.payment_methods.list(company_id=b.company_id, direction="asc"),
    ),
    "list-payments": Twin(
        lambda b: {
            "company_id": b.company_id,
            "include_free": True,
            "currencies": ["usd"],
            "order": "final_amount",
        },
        lambda w, b: w.payments.list(
            company_id=b.company_id, include_free=True, currencies=["usd"], order="final_amount"
        ),
    ),
    "retrieve-company": Twin(lambda b: {"id": "me"}, lambda w, b: w.companies.retrieve("me")),
    "retrieve-user": Twin(
        lambda b: {"id": b.rows("authorized_users")[0]["user"]["username"]},
        lambda w, b: w.users.retrieve(b.rows("authorized_users")[0]["user"]["username"]),
    ),
}


def _by_id(resource: str) -> Twin:
    return Twin(
        lambda b: {"id": first(b, resource)},
        lambda w, b: getattr(w, resource).retrieve(first(b, resource)),
    )


for _name, _resource in (
    ("app", "apps"),
    ("authorized-user", "authorized_users"),
    ("company-token-transaction", "company_token_transactions"),
    ("file", "files"),
    ("member", "members"),
    ("plan", "plans"),
    ("promo-code", "promo_codes"),
):
    TWINS[f"retrieve-{_name}"] = _by_id(_resource)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # Now, because the end of a token is measured from the clock on the wall.
    with serve(Business(members=150, years=2, clock=datetime.now(UTC))) as running:
        yield running


@pytest.fixture(scope="module")
def business(server: Server) -> Business:
    (one,) = server.businesses
    with WhopClient(server.api_key, server.base_url) as client:
        file = run(client, "create-file", {"filename": "a.pdf"})["data"]
    httpx.put(file["upload_url"], headers=file["upload_headers"], content=b"%PDF")
    return one


@pytest.fixture(scope="module")
def ours(server: Server) -> Iterator[WhopClient]:
    with WhopClient(server.api_key, server.base_url) as client:
        yield client


@pytest.fixture(scope="module")
def official(server: Server) -> Iterator[Whop]:
    with Whop(
        api_key=server.api_key,
        base_url=server.base_url,
        max_retries=0,
        _strict_response_validation=True,
    ) as client:
        yield client


def test_every_read_has_a_twin() -> None:
    assert {*TWINS} == {action.short_name for action in ACTIONS if not action.changes}


@pytest.mark.parametrize("name", TWINS)
def test_a_read_asks_and_answers_what_the_official_client_does(
    server: Server, business: Business, ours: WhopClient, official: Whop, name: str
) -> None:
    twin, action = TWINS[name], find(name)
    server.reset_counters()
    seen = twin.call(official, business)
    answer = run(ours, name, twin.given(business))
    assert answer["successful"], answer["error"]
    theirs, mine = server.log
    assert normal(mine) == normal(theirs)
    told, written = timed(answer["data"]), timed(seen.to_dict(mode="json", exclude_unset=True))
    if action.lists:
        assert told["data"]
    assert not told.keys() & {*action.secrets}
    # Reading a file again may find it further on; all else stands still.
    moving = {"upload_status", "url"} if name == "retrieve-file" else set()
    for hidden in (*action.secrets, *moving):
        told.pop(hidden, None)
        written.pop(hidden, None)
    assert told == written


def normal(logged: tuple[str, dict[str, list[str]]]) -> Any:
    """A request with its times as times: there are several ways to write one."""
    operation, query = logged
    return operation, timed(query)


def timed(value: Any) -> Any:
    """The same with every text that is a time as a time."""
    if isinstance(value, dict):
        return {name: timed(inside) for name, inside in value.items()}
    if isinstance(value, list):
        return [timed(inside) for inside in value]
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)", value):
        return datetime.fromisoformat(value)
    return value


def test_a_file_is_read_in_every_state(official: Whop, ours: WhopClient) -> None:
    file = run(ours, "create-file", {"filename": "b.png"})["data"]
    states = [official.files.retrieve(file["id"]).upload_status]
    httpx.put(file["upload_url"], headers=file["upload_headers"], content=b"PNG")
    for _ in range(4):
        states.append(official.files.retrieve(file["id"]).upload_status)
    assert states == ["pending", "processing", "processing", "ready", "ready"]


def test_a_change_does_what_the_official_client_does(
    business: Business, ours: WhopClient, official: Whop
) -> None:
    one, other = (row["id"] for row in business.rows("plans")[:2])
    change: Row = {"renewal_price": 10.43, "stock": None, "visibility": "hidden", "title": "Both"}
    official.plans.update(one, **change)
    answer = run(ours, "update-plan", {"id": other, **change})
    assert answer["successful"], answer["error"]
    assert timed(official.plans.retrieve(other).to_dict(mode="json")) == timed(answer["data"])
    for plan in (one, other):
        assert business.row("plans", plan).items() >= change.items()

    promo = first(business, "promo_codes")
    assert run(ours, "delete-promo-code", {"id": promo})["data"] == {"result": True}
    assert official.promo_codes.retrieve(promo).status == "archived"

    ends = business.clock + timedelta(hours=2)
    given: Row = {"company_id": business.company_id, "expires_at": ends}
    mine = run(ours, "create-access-token", given)["data"]
    theirs = official.access_tokens.create(**given)
    assert datetime.fromisoformat(mine["expires_at"]) == theirs.expires_at
    assert mine["token"] == theirs.token


# The table beside the client's own types


def types_of(action: Action) -> dict[str, Any]:
    kind, _, thing = action.short_name.partition("-")
    thing = thing.replace("-", "_")
    if kind == "list":
        thing = thing.removesuffix("s")
    module = getattr(whop_sdk.types, f"{thing}_{kind}_params")
    (params,) = (
        value
        for name, value in vars(module).items()
        if re.fullmatch(r"\w+(List|Create|Update)Params", name)
    )
    return get_type_hints(params, include_extras=True)


@pytest.mark.parametrize(
    "action",
    [a for a in ACTIONS if a.short_name.startswith(("list-", "create-", "update-"))],
    ids=lambda action: action.short_name,
)
def test_the_client_knows_every_parameter_and_value(action: Action) -> None:
    known = types_of(action)
    for parameter in action.parameters:
        if parameter.name == "id":
            continue
        assert parameter.name in known
        literals = {text for text in leaves(known[parameter.name]) if isinstance(text, str)}
        # Where the client says just text, the catalogue knows more.
        if literals and parameter.enum:
            assert {*parameter.enum} <= literals
        if parameter.nullable:
            assert type(None) in leaves(known[parameter.name])


def leaves(hint: Any) -> set[Any]:
    parts = get_args(hint)
    if not parts:
        return {hint}
    return set().union(*(leaves(part) for part in parts if part.__hash__))
