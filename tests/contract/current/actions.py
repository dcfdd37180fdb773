"""The nineteen actions as whop-sdk 2.6.0 asks for them, and requests.json, which is what it sends.

That client cannot be installed beside the product's tests' own. So its requests are written down
here, held against the client by `test_actions.py`, and can be compared with what the product sends
in the product's environment. After a change: `python -m tests.contract.current.actions`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from whop_simulator import Business, serve

from .conftest import Official

RECORDED = Path(__file__).with_name("requests.json")
EARLIER = datetime(2025, 6, 1, tzinfo=UTC)

Call = Callable[[Official, dict[str, str]], Any]


def names_of(official: Official, business: Business) -> dict[str, str]:
    """Id of one row of each kind, under the name that stands for it in requests.json."""
    own = {"account_id": business.company_id}
    found = {"ACCOUNT": business.company_id}
    for name, path in (
        ("APP", "apps"),
        ("AUTHORIZED_USER", "authorized_users"),
        ("TEAM_MEMBER", "team_members"),
        ("TOKEN_TRANSACTION", "company_token_transactions"),
        ("MEMBER", "members"),
        ("PLAN", "variants"),
        ("PROMO_CODE", "promo_codes"),
        ("PAYMENT", "payments"),
    ):
        found[name] = official.call(path, first=1, **own)[0]["id"]
    found["FILE"] = official.call("files", "create", filename="b.pdf")["id"]
    found["USER"] = official.call("accounts", "retrieve", "me")["owner"]["id"]
    return found


def _by_id(path: str, name: str) -> Call:
    return lambda official, ids: official.call(path, "retrieve", ids[name])


CALLS: dict[str, Call] = {
    "list-apps": lambda o, ids: o.call(
        "apps", account_id=ids["ACCOUNT"], app_type="b2b_app", verified=False
    ),
    "list-authorized-users": lambda o, ids: o.call(
        "authorized_users", account_id=ids["ACCOUNT"], role="owner", created_before=EARLIER
    ),
    "list-members": lambda o, ids: o.call(
        "members",
        account_id=ids["ACCOUNT"],
        status="joined",
        user_ids=[ids["USER"], "user_x"],
        most_recent_actions=["joined", "left"],
        order="most_recent_action_at",
        direction="asc",
    ),
    "list-memberships": lambda o, ids: o.call(
        "memberships",
        account_id=ids["ACCOUNT"],
        statuses=["active", "canceling"],
        plan_ids=[ids["PLAN"], "plan_x"],
        created_before=EARLIER.isoformat(),
    ),
    "list-payment-methods": lambda o, ids: o.call(
        "payment_methods", account_id=ids["ACCOUNT"], direction="asc"
    ),
    "list-payments": lambda o, ids: o.call(
        "payments",
        account_id=ids["ACCOUNT"],
        status="paid",
        billing_reason="one_time",
        currency="usd",
        order="paid_at",
        created_after=EARLIER,
    ),
    "retrieve-app": _by_id("apps", "APP"),
    "retrieve-authorized-user": _by_id("authorized_users", "AUTHORIZED_USER"),
    "retrieve-company": lambda o, ids: o.call("accounts", "retrieve", "me"),
    "retrieve-company-token-transaction": _by_id("company_token_transactions", "TOKEN_TRANSACTION"),
    "retrieve-file": _by_id("files", "FILE"),
    "retrieve-member": _by_id("members", "MEMBER"),
    "retrieve-plan": _by_id("variants", "PLAN"),
    "retrieve-promo-code": _by_id("promo_codes", "PROMO_CODE"),
    "retrieve-user": _by_id("users", "USER"),
    "create-access-token": lambda o, ids: o.call(
        "access_tokens", "create", account_id=ids["ACCOUNT"], scoped_actions=["member:basic:read"]
    ),
    "create-file": lambda o, ids: o.call(
        "files", "create", filename="a.pdf", visibility="private", byte_size=4
    ),
    "delete-promo-code": lambda o, ids: o.call("promo_codes", "delete", ids["PROMO_CODE"]),
    "update-plan": lambda o, ids: o.call(
        "variants",
        "update",
        ids["PLAN"],
        title="Both",
        renewal_price=10.43,
        stock=None,
        visibility="hidden",
        sku="S-1",
        three_ds_level="mandate_challenge",
    ),
}
ALSO: dict[str, Call] = {
    "list-authorized-users as team members": lambda o, ids: o.call(
        "team_members", account_id=ids["ACCOUNT"], role="owner", status="joined"
    ),
    "retrieve-authorized-user as team member": _by_id("team_members", "TEAM_MEMBER"),
    "retrieve-plan at the deprecated path": _by_id("plans", "PLAN"),
    "update-plan at the deprecated path": lambda o, ids: o.call(
        "plans", "update", ids["PLAN"], title="Again"
    ),
}
"""Other ways to the same, which Current has as well."""


def request_of(official: Official, call: Call, ids: dict[str, str]) -> dict[str, Any]:
    """What one call sends first, with the names of ids in place of them."""
    call(official, ids)
    asked = official.answers[0][0]
    sent: dict[str, Any] = {
        "method": asked.method,
        "path": asked.url.path.removeprefix("/api/v1"),
        "version": asked.headers["Api-Version-Date"],
        "query": {name: asked.url.params.get_list(name) for name in asked.url.params},
        "body": json.loads(asked.content) if asked.content else None,
    }
    text = json.dumps(sent)
    for name, key in ids.items():
        text = text.replace(key, name)
    found: dict[str, Any] = json.loads(text)
    return found


def main() -> None:
    """Write requests.json anew."""
    business = Business(members=60, years=1)
    with serve(business) as server:
        official = Official(server)
        ids = names_of(official, business)
        found = {name: request_of(official, call, ids) for name, call in {**CALLS, **ALSO}.items()}
        official.close()
    RECORDED.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
