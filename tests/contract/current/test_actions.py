"""The nineteen actions on the Current surface, by whop-sdk 2.6.0: asked, answered, and done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from whop_sdk.core.api_error import ApiError
from whop_sdk.errors import BadRequestError

from whop_simulator import Business, Server, serve

from .actions import ALSO, CALLS, RECORDED, names_of, request_of
from .conftest import Official


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serve(Business(members=60, years=1)) as server:
        yield server


@pytest.fixture(scope="module")
def caller(running: Server) -> Iterator[Official]:
    official = Official(running)
    yield official
    official.close()


@pytest.fixture(scope="module")
def ids(running: Server, caller: Official) -> dict[str, str]:
    return names_of(caller, running.businesses[0])


def test_there_are_nineteen() -> None:
    assert len(CALLS) == 19
    assert {*json.loads(RECORDED.read_text(encoding="utf-8"))} == {*CALLS, *ALSO}


@pytest.mark.parametrize("name", [*CALLS, *ALSO])
def test_the_client_asks_what_is_written_down_and_takes_the_answer(
    caller: Official, ids: dict[str, str], name: str
) -> None:
    written: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    assert request_of(caller, {**CALLS, **ALSO}[name], ids) == written[name]


def test_what_a_change_does(caller: Official, running: Server, ids: dict[str, str]) -> None:
    (business,) = running.businesses
    changed = caller.call(
        "variants",
        "update",
        ids["PLAN"],
        renewal_price=12.5,
        sku="S-2",
        attributes={"size": "L"},
        strike_through_renewal_price=20.0,
        title="New",
    )
    assert changed == caller.call("variants", "retrieve", ids["PLAN"])
    assert changed == caller.call("plans", "retrieve", ids["PLAN"])
    assert (changed["sku"], changed["attributes"]) == ("S-2", {"size": "L"})
    assert (changed["renewal_price"], changed["strike_through_renewal_price"]) == (12.5, 20.0)
    on_legacy = business.row("plans", ids["PLAN"])
    assert (on_legacy["title"], on_legacy["renewal_price"]) == ("New", 12.5)
    assert "sku" not in on_legacy
    with pytest.raises(ApiError) as refused:
        caller.client.variants.update(ids["PLAN"], currency="quatloo")
    assert refused.value.status_code == 400
    with pytest.raises(ApiError) as refused:
        caller.client.variants.update("plan_00000000000000", title="x")
    assert refused.value.status_code == 404

    code = caller.call("promo_codes", account_id=business.company_id)[0]["id"]
    told = caller.call("promo_codes", "delete", code)
    assert told == {"id": code, "deleted": True}
    assert caller.call("promo_codes", "retrieve", code)["status"] == "archived"


def test_a_token_is_for_an_account_or_a_user(caller: Official, running: Server) -> None:
    (business,) = running.businesses
    token = caller.call("access_tokens", "create", account_id=business.company_id)
    assert datetime.fromisoformat(token["expires_at"]) - business.clock == timedelta(hours=1)
    longest = business.clock + timedelta(hours=3)
    assert caller.call("access_tokens", "create", user_id="user_x", expires_at=longest)["token"]
    wrong: list[dict[str, Any]] = [
        {},
        {"user_id": "user_x", "account_id": "biz_x"},
        {"user_id": "user_x", "expires_at": longest + timedelta(seconds=1)},
    ]
    for given in wrong:
        with pytest.raises(BadRequestError):
            caller.client.access_tokens.create(**given)


def test_a_file_is_uploaded_and_becomes_ready(caller: Official) -> None:
    file = caller.call("files", "create", filename="b.png", byte_size=3)
    states = [caller.call("files", "retrieve", file["id"])["upload_status"]]
    sent = httpx.put(file["upload_url"], headers=file["upload_headers"], content=b"PNG")
    assert sent.status_code == 200
    states += [caller.call("files", "retrieve", file["id"])["upload_status"] for _ in range(4)]
    assert states == ["pending", "processing", "processing", "ready", "ready"]
    assert caller.call("files", "retrieve", file["id"])["size"] == 3
