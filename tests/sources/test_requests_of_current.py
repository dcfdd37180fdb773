"""What the nineteen actions send on Current is what Whop's newest client sends.

That client cannot be installed beside ours: `make test-contract` holds requests.json against it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from whop_actions.calls import prepare
from whop_actions.catalogue import ACTIONS
from whop_source.surface import CURRENT

RECORDED = Path(__file__).parents[1] / "contract" / "current" / "requests.json"
ROOT = "https://api.whop.com/api/v1"
EARLIER = "2025-06-01T00:00:00Z"
ARGUMENTS: dict[str, dict[str, Any]] = {
    "list-apps": {"company_id": "ACCOUNT", "app_type": "b2b_app", "verified_apps_only": False},
    "list-authorized-users": {
        "company_id": "ACCOUNT",
        "role": "owner",
        "created_before": EARLIER,
    },
    "list-members": {
        "company_id": "ACCOUNT",
        "statuses": ["joined"],
        "user_ids": ["USER", "user_x"],
        "most_recent_actions": ["joined", "left"],
        "order": "most_recent_action",
        "direction": "asc",
    },
    "list-memberships": {
        "company_id": "ACCOUNT",
        "statuses": ["active", "canceling"],
        "plan_ids": ["PLAN", "plan_x"],
        "created_before": EARLIER,
    },
    "list-payment-methods": {"company_id": "ACCOUNT", "direction": "asc"},
    "list-payments": {
        "company_id": "ACCOUNT",
        "statuses": ["paid"],
        "billing_reasons": ["one_time"],
        "currencies": ["usd"],
        "order": "paid_at",
        "created_after": EARLIER,
    },
    "retrieve-app": {"id": "APP"},
    "retrieve-authorized-user": {"id": "AUTHORIZED_USER"},
    "retrieve-company": {"id": "me"},
    "retrieve-company-token-transaction": {"id": "TOKEN_TRANSACTION"},
    "retrieve-file": {"id": "FILE"},
    "retrieve-member": {"id": "MEMBER"},
    "retrieve-plan": {"id": "PLAN"},
    "retrieve-promo-code": {"id": "PROMO_CODE"},
    "retrieve-user": {"id": "USER"},
    "create-access-token": {"company_id": "ACCOUNT", "scoped_actions": ["member:basic:read"]},
    "create-file": {"filename": "a.pdf"},
    "delete-promo-code": {"id": "PROMO_CODE"},
    "update-plan": {
        "id": "PLAN",
        "title": "Both",
        "renewal_price": 10.43,
        "stock": None,
        "visibility": "hidden",
    },
}
NOT_OURS = {
    "create-file": {"visibility", "byte_size"},
    "update-plan": {"sku", "three_ds_level"},
}
"""What only Current takes: the catalogue of actions, which is one for both surfaces, lacks it."""


def normal(value: Any) -> Any:
    """Moments written in one way; the order of names does not count."""
    if isinstance(value, dict):
        return {name: normal(item) for name, item in value.items()}
    if isinstance(value, list):
        return [normal(item) for item in value]
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (TypeError, ValueError):
        return value


def test_every_action_is_compared() -> None:
    assert {*ARGUMENTS} == {action.short_name for action in ACTIONS}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_action_sends_what_the_client_sends(name: str) -> None:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))[name]
    shown = prepare(name, ARGUMENTS[name], surface=CURRENT).shown(ROOT)
    query = {
        each: value if isinstance(value, list) else [value]
        for each, value in shown["query"].items()
    }
    # How many to a page is each client's own choice.
    query.pop("first", None)
    sent = {
        "method": shown["method"],
        "path": urlsplit(shown["url"]).path.removeprefix("/api/v1"),
        "query": query,
        "body": shown["body"],
    }
    del recorded["version"]
    for parameter in NOT_OURS.get(name, ()):
        del recorded["body"][parameter]
    assert normal(sent) == normal(recorded)
