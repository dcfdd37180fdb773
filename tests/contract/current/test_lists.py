"""Every list of the Current surface as whop-sdk 2.6.0 reads it: pages, fields, filters, orders.

What a filter or an order should give is worked out here from the rows of the whole list, as they
were written, and not by the simulator.
"""

from __future__ import annotations

import inspect
import typing
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from whop_sdk.errors import BadRequestError

from whop_simulator import Business, Server

from .conftest import Official, Row
from .strict import fields_of

LISTS = {
    "accounts": "companies",
    "products": "products",
    "variants": "plans",
    "plans": "plans",
    "promo_codes": "promo_codes",
    "members": "members",
    "memberships": "memberships",
    "payments": "payments",
    "apps": "apps",
    "authorized_users": "authorized_users",
    "team_members": "team_members",
    "payment_methods": "payment_methods",
    "company_token_transactions": "company_token_transactions",
    "refunds": "refunds",
    "disputes": "disputes",
    "dispute_alerts": "dispute_alerts",
    "invoices": "invoices",
    "waitlist_entries": "entries",
    "leads": "leads",
    "experiences": "experiences",
    "checkout_configurations": "checkout_configurations",
    "setup_intents": "setup_intents",
    "affiliates": "affiliates",
    "shipments": "shipments",
    "reviews": "reviews",
    "payouts": "payouts",
    "transfers": "transfers",
}
"""Path of each list → the simulator's table that its rows are of."""

_CACHE: dict[str, list[Row]] = {}


def tenant(business: Business, path: str) -> Row:
    return {} if path in ("accounts", "files", "transfers") else {"account_id": business.company_id}


@pytest.fixture
def whole(official: Official, business: Business) -> Callable[[str], list[Row]]:
    def read(path: str) -> list[Row]:
        if path not in _CACHE:
            _CACHE[path] = official.call(path, first=100, **tenant(business, path))
        return _CACHE[path]

    return read


def at(row: Row, path: str) -> Any:
    value: Any = row
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def shown(business: Business, path: str) -> list[Row]:
    """The rows a list shows when nothing is asked for in particular."""
    rows = business.rows(LISTS[path])
    left_out = {
        "products": ("visibility", ("hidden", "archived")),
        "variants": ("visibility", ("archived",)),
        "plans": ("visibility", ("archived",)),
        "reviews": ("status", ("pending", "removed")),
    }
    name, values = left_out.get(path, ("id", ()))
    return [row for row in rows if row[name] not in values]


@pytest.mark.parametrize("path", LISTS)
def test_every_page_of_every_list(
    official: Official, business: Business, path: str, whole: Callable[[str], list[Row]]
) -> None:
    keys = [row["id"] for row in whole(path)]
    assert len(keys) == len(set(keys)) > 0
    assert set(keys) == {row["id"] for row in shown(business, path)}
    few = official.call(path, first=max(2, len(keys) // 7), **tenant(business, path))
    assert [row["id"] for row in few] == keys


@pytest.mark.parametrize("path", LISTS)
def test_a_list_shows_every_field_the_client_knows(
    official: Official, path: str, whole: Callable[[str], list[Row]]
) -> None:
    answer = typing.get_type_hints(official.type_of(path, "list"), include_extras=True)
    (item,) = typing.get_args(answer["data"])
    seen = set().union(*(row.keys() for row in whole(path)))
    assert seen == fields_of(item)


def test_one_page_back(official: Official, business: Business) -> None:
    first = official.client.refunds.list(account_id=business.company_id, first=10)
    second = official.client.refunds.list(
        account_id=business.company_id, first=10, after=first.response.page_info.end_cursor
    )
    back = official.client.refunds.list(
        account_id=business.company_id, last=10, before=second.response.page_info.start_cursor
    )
    assert [row.id for row in back.items or []] == [row.id for row in first.items or []]


# Filters


@dataclass(frozen=True)
class Same:
    """A filter that keeps the rows which have one of its values at a place."""

    path: str
    many: bool = False


@dataclass(frozen=True)
class Rule:
    """A filter with a rule of its own: what is given, and which rows of the whole list it keeps."""

    given: Callable[[list[Row]], Any]
    keeps: Callable[[Row, Any], bool]


def _most_common(rows: list[Row], path: str) -> list[Any]:
    values = Counter(value for row in rows if (value := at(row, path)) is not None)
    return [value for value, _ in values.most_common()]


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def _middle(path: str) -> Callable[[list[Row]], Any]:
    return lambda rows: sorted(row[path] for row in rows)[len(rows) // 2]


AFTER = Rule(_middle("created_at"), lambda row, given: _moment(row["created_at"]) > _moment(given))
BEFORE = Rule(_middle("created_at"), lambda row, given: _moment(row["created_at"]) < _moment(given))
FROM = Rule(_middle("created_at"), lambda row, given: _moment(row["created_at"]) >= _moment(given))
UNTIL = Rule(_middle("created_at"), lambda row, given: _moment(row["created_at"]) <= _moment(given))
CREATED: dict[str, Same | Rule] = {"created_after": AFTER, "created_before": BEFORE}


def _contains(path: str) -> Rule:
    return Rule(
        lambda rows: _most_common(rows, path)[0][1:6],
        lambda row, given: given.lower() in str(at(row, path) or "").lower(),
    )


def _bucket(row: Row) -> set[str]:
    """What the docs say the `status` filter of memberships takes a row for."""
    live = row["status"] in ("active", "trialing", "past_due")
    found = {"canceling" if live and row["cancel_at_period_end"] else row["status"]}
    if row["most_recent_action"] == "paused_at":
        found.add("paused")
    if row["user_id"] is None:
        found.add("unclaimed")
    return found


def _value(given: Any) -> Callable[[list[Row]], Any]:
    return lambda rows: given


def _is(path: str, wanted: Any) -> Rule:
    return Rule(_value(wanted), lambda row, given: at(row, path) == given)


_PLANS: dict[str, Same | Rule] = {
    "release_methods": Same("release_method", many=True),
    "visibilities": Same("visibility", many=True),
    "plan_types": Same("plan_type", many=True),
    "product_ids": Same("product.id", many=True),
    **CREATED,
}
FILTERS: dict[str, dict[str, Same | Rule]] = {
    "accounts": {
        "status": Same("status"),
        "query": _contains("title"),
        "volume_min": Rule(_value(1.0), lambda row, given: row["volume_usd"] >= given),
        "volume_max": Rule(_value(1.0), lambda row, given: row["volume_usd"] <= given),
        "parent_account_id": _is("parent_account.id", "biz_none"),
        "owner_id": Same("owner.id"),
        "created_after": Rule(_value("2020-01-01T00:00:00Z"), lambda row, given: True),
        "created_before": Rule(_value("2020-01-01T00:00:00Z"), lambda row, given: False),
    },
    "products": {
        "query": _contains("title"),
        "visibilities": Same("visibility", many=True),
        "labels": Rule(_value(["signals"]), lambda row, given: set(given) <= {*row["labels"]}),
        "price_minimum": Rule(_value(40.0), lambda row, given: _price(row) >= given),
        "price_maximum": Rule(_value(40.0), lambda row, given: _price(row) <= given),
        "marketplace_category_route": Rule(_value("trading"), lambda row, given: False),
        **CREATED,
    },
    "variants": _PLANS,
    "plans": _PLANS,
    "promo_codes": {
        "status": Rule(
            _value("expired"), lambda row, given: row["status"] in ("inactive", "archived")
        ),
        "product_ids": Same("product.id", many=True),
        **CREATED,
    },
    "members": {
        "access_level": Same("access_level"),
        "status": Same("status"),
        "user_ids": Same("user.id", many=True),
        "most_recent_actions": Same("most_recent_action", many=True),
        "query": _contains("user.name"),
        "created_after": Rule(_middle("joined_at"), lambda row, given: row["joined_at"] > given),
        "created_before": Rule(_middle("joined_at"), lambda row, given: row["joined_at"] < given),
    },
    "memberships": {
        "user_id": Same("user_id"),
        "member_id": Same("member_id"),
        "status": Rule(_value("canceling"), lambda row, given: given in _bucket(row)),
        "statuses": Rule(
            _value(["active", "paused", "unclaimed"]),
            lambda row, given: not _bucket(row).isdisjoint(given),
        ),
        "product_id": Same("product_id"),
        "product_ids": Same("product_id", many=True),
        "plan_id": Same("plan_id"),
        "plan_ids": Same("plan_id", many=True),
        "promo_code_ids": Same("promo_code_id", many=True),
        **CREATED,
    },
    "payments": {
        "status": Same("status"),
        "billing_reason": Rule(
            _value("subscription_cycle"),
            lambda row, given: row["billing_reason"] in (given, "subscription_update"),
        ),
        "currency": Same("presentment_total.currency"),
        "user_id": Same("user.id"),
        "query": _contains("customer_email"),
        "member_id": Same("member_id"),
        "membership_id": Same("membership_id"),
        "product_id": Same("product_id"),
        "plan_id": Same("plan_id"),
        "mode": Rule(_value("account_sales"), lambda row, given: True),
        **CREATED,
    },
    "apps": {
        "app_type": Same("app_type"),
        "verified": _is("verified", False),
        "verified_apps_only": _is("verified", True),
        "query": _contains("name"),
    },
    "authorized_users": {"role": Same("role"), "user_id": Same("user.id")},
    "team_members": {
        "status": Same("status"),
        "user_id": Same("user.id"),
        "role": Same("role"),
        "query": _contains("email"),
        "reports_to_id": Rule(_value("ausr_none"), lambda row, given: False),
        "direct_reports_min": Rule(_value(1), lambda row, given: False),
        "direct_reports_max": Rule(_value(0), lambda row, given: row["status"] == "joined"),
        **CREATED,
    },
    "payment_methods": {
        "payment_method_types": Same("payment_method_type", many=True),
        "card_brands": Rule(
            _value(["visa"]), lambda row, given: at(row, "card.brand") in (None, *given)
        ),
        "card_funding_types": Rule(
            _value(["debit"]), lambda row, given: at(row, "card.funding_type") in (None, *given)
        ),
        "expired": Rule(_value(False), lambda row, given: not at(row, "card.expired")),
        "broken": Rule(_value(False), lambda row, given: True),
        "has_payer_document": Rule(_value(True), lambda row, given: "card" not in row),
        "future_usage": Rule(_value("off_session"), lambda row, given: True),
        **CREATED,
    },
    "company_token_transactions": {
        "user_id": Same("user.id"),
        "transaction_type": Same("transaction_type"),
    },
    "refunds": {"payment_id": Same("payment_id"), **CREATED},
    "disputes": {"status": Same("status"), "currency": Same("currency"), **CREATED},
    "dispute_alerts": {"payment_id": Same("payment_id"), "type": Same("type"), **CREATED},
    "invoices": {"statuses": Same("status", many=True), **CREATED},
    "waitlist_entries": {
        "plan_id": Same("plan_id"),
        "product_id": Same("product_id"),
        "status": Same("status"),
        "created_after": FROM,
        "created_before": UNTIL,
    },
    "leads": {"product_ids": Same("product.id", many=True), **CREATED},
    "experiences": {"app_id": Same("app.id"), **CREATED},
    "checkout_configurations": {"plan_id": Same("plan.id"), **CREATED},
    "setup_intents": {"status": Same("status"), **CREATED},
    "affiliates": {"status": Same("status"), "query": _contains("user.name")},
    "shipments": {
        "status": Same("status"),
        "payment_id": Same("payment_id", many=True),
        **CREATED,
    },
    "reviews": {
        "min_stars": Rule(_value(4), lambda row, given: row["stars"] >= given),
        "max_stars": Rule(_value(3), lambda row, given: row["stars"] <= given),
        **CREATED,
    },
    "transfers": {
        "origin_id": Same("origin.id"),
        "destination_id": Same("destination.id"),
        **CREATED,
    },
    "payouts": {
        "currency": Same("currency"),
        "status": Same("status"),
        "source": Same("source"),
        "payout_method_id": Rule(_value("pytk_none"), lambda row, given: False),
        "created_after": FROM,
        "created_before": BEFORE,
    },
}
NOT_IN_THE_ROWS = {
    ("products", "plan_types"),
    ("products", "access_pass_types"),
    ("promo_codes", "plan_ids"),
    ("members", "membership_status"),
    ("members", "product_ids"),
    ("members", "plan_ids"),
    ("members", "promo_code_ids"),
    ("apps", "view_type"),
    ("apps", "recommended"),
    ("authorized_users", "created_after"),
    ("authorized_users", "created_before"),
    ("payment_methods", "member_id"),
    ("refunds", "user_id"),
    ("invoices", "collection_methods"),
    ("invoices", "product_ids"),
    ("experiences", "product_id"),
    ("reviews", "product_id"),
}
"""Filters by what a list's rows do not say: they are tried below, on what else is known."""
_NO_FILTERS = {
    *("self", "request_options", "account_id", "order", "direction", "user_id"),
    *("first", "after", "last", "before"),
    *("presentment_currency", "presentment_country", "ip_address"),
}


def _price(row: Row) -> float:
    plan = row["default_plan"]
    if plan is None:
        return -1.0
    return float(plan["renewal_price"]["amount"]) or float(plan["initial_price"]["amount"])


def given_to(rule: Same | Rule, rows: list[Row]) -> Any:
    if isinstance(rule, Rule):
        return rule.given(rows)
    values = _most_common(rows, rule.path)
    return values[-2:] if rule.many else values[-1]


def kept_by(rule: Same | Rule, row: Row, given: Any) -> bool:
    if isinstance(rule, Rule):
        return rule.keeps(row, given)
    value = at(row, rule.path)
    return value in given if rule.many else value == given


CASES = [(path, name) for path, filters in FILTERS.items() for name in filters]


@pytest.mark.parametrize(("path", "name"), CASES)
def test_a_filter_keeps_what_it_says(
    official: Official,
    business: Business,
    whole: Callable[[str], list[Row]],
    path: str,
    name: str,
) -> None:
    rows, rule = whole(path), FILTERS[path][name]
    given = given_to(rule, rows)
    parameter = given
    hints = typing.get_type_hints(getattr(official.client, path).list)
    if datetime in typing.get_args(hints[name]):
        parameter = _moment(given)
    if name == "visibilities" and path == "products":
        rows, parameter = [row for row in rows if row["visibility"] in given], given
    found = official.call(path, **tenant(business, path), **{name: parameter})
    assert [row["id"] for row in found] == [
        row["id"] for row in rows if kept_by(rule, row, given)
    ], given


def test_every_filter_of_the_client_is_tried(official: Official) -> None:
    for path in LISTS:
        known = {*inspect.signature(getattr(official.client, path).list).parameters}
        tried = {*FILTERS[path]} | {name for at_path, name in NOT_IN_THE_ROWS if at_path == path}
        assert tried - {"user_id"} == known - _NO_FILTERS, path


def test_filters_by_what_the_rows_do_not_say(
    official: Official, business: Business, whole: Callable[[str], list[Row]]
) -> None:
    def keys(path: str, **given: Any) -> set[str]:
        return {row["id"] for row in official.call(path, **tenant(business, path), **given)}

    plans = {row["id"]: row for row in whole("variants")}
    renewing = {row["product"]["id"] for row in plans.values() if row["plan_type"] == "renewal"}
    products = {row["id"] for row in whole("products")}
    assert keys("products", plan_types=["renewal"]) == products & renewing
    assert keys("products", access_pass_types=["regular"]) == products
    assert keys("products", access_pass_types=["app"]) == set()

    memberships = whole("memberships")
    product = memberships[0]["product_id"]
    holders = {row["member_id"] for row in memberships if row["product_id"] == product}
    assert keys("members", product_ids=[product]) == holders
    plan = memberships[0]["plan_id"]
    assert keys("members", plan_ids=[plan]) == {
        row["member_id"] for row in memberships if row["plan_id"] == plan
    }
    codes = [row["promo_code_id"] for row in whole("payments") if row["promo_code_id"]]
    assert keys("members", promo_code_ids=codes[:1]) >= {
        row["member_id"] for row in whole("payments") if row["promo_code_id"] == codes[0]
    } - {None}
    grants = ("trialing", "active", "past_due", "completed")
    active = {row["member_id"] for row in memberships if row["status"] in grants}
    assert keys("members", membership_status="active") == active
    inactive = {row["member_id"] for row in memberships if row["status"] not in grants}
    assert keys("members", membership_status="inactive") == inactive

    apps = {row["id"]: row for row in whole("apps")}
    analytics = keys("apps", view_type="analytics")
    assert analytics == {key for key, row in apps.items() if row["app_type"] == "b2b_app"}
    recommended = keys("apps", recommended=True)
    assert len(recommended) == 1
    assert keys("apps", recommended=False) == apps.keys() - recommended

    team = {row["id"]: row["created_at"] for row in whole("team_members")}
    staff = {row["id"] for row in whole("authorized_users")}
    middle = sorted(team[key] for key in staff)[len(staff) // 2]
    later = keys("authorized_users", created_after=_moment(middle))
    assert later == {key for key in staff if team[key] > middle} != set()
    sooner = keys("authorized_users", created_before=_moment(middle))
    assert sooner == {key for key in staff if team[key] < middle} != set()

    method = next(row for row in whole("payments") if row["payment_method_id"])
    of_member = {
        row["id"] for row in official.call("payment_methods", member_id=method["member_id"])
    }
    assert of_member <= {row["id"] for row in whole("payment_methods")}
    assert of_member

    payments = {row["id"]: at(row, "user.id") for row in whole("payments")}
    refunds = {row["id"]: payments[row["payment_id"]] for row in whole("refunds")}
    user = next(user for user in refunds.values() if user)
    assert keys("refunds", user_id=user) == {key for key, of in refunds.items() if of == user}

    invoices = {row["id"]: official.call("invoices", "retrieve", row["id"])
                for row in whole("invoices")}  # fmt: skip
    for field, name in (("collection_method", "collection_methods"), ("product.id", "product_ids")):
        value = at(next(iter(invoices.values())), field)
        assert keys("invoices", **{name: [value]}) == {
            key for key, row in invoices.items() if at(row, field) == value
        }
    for path in ("experiences", "reviews"):
        objects = [official.call(path, "retrieve", row["id"]) for row in whole(path)]
        of = [(row["id"], at(row, "product.id") or row["products"][0]["id"]) for row in objects]
        assert keys(path, product_id=of[0][1]) == {key for key, each in of if each == of[0][1]}
    some = next(row for row in whole("promo_codes") if row["product"])
    found = keys("promo_codes", plan_ids=[plan_of(business, some["product"]["id"], "Monthly")])
    assert found == {some["id"]}


def plan_of(business: Business, product: str, title: str) -> str:
    return next(
        row["id"]
        for row in business.rows("plans")
        if row["product"]["id"] == product and row["title"] == title
    )


# Orders

_SORTED = {
    "active_members_count": "member_count",
    "volume": "volume_usd",
    "discoverable_at": "created_at",
    "cached_total_referrals": "total_referrals_count",
    "cached_total_rewards": "total_referrals_count",
}
_UNSEEN = {"template_recent_sales", "template_usage", "total_installs_last_30_days",
           "total_installs_last_7_days"}  # fmt: skip


def _order_cases() -> list[tuple[str, str]]:
    from whop_sdk import Whop

    client = Whop(token="x")
    found = []
    for path in LISTS:
        call = getattr(client, path).list
        module = __import__(call.__module__, fromlist=["_"])
        hints = typing.get_type_hints(call, vars(module))
        named = set(_literals(hints.get("order")))
        if path == "products":
            named = {"created_at", "discoverable_at"}
        found += [(path, order) for order in sorted(named)]
    return found


def _literals(kind: Any) -> set[str]:
    inside = typing.get_args(kind)
    if typing.get_origin(kind) is typing.Literal:
        return {*inside}
    return set().union(*(_literals(each) for each in inside)) if inside else set()


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize(("path", "order"), _order_cases())
def test_every_order_in_both_directions(
    official: Official,
    business: Business,
    whole: Callable[[str], list[Row]],
    path: str,
    order: str,
    direction: str,
) -> None:
    rows = official.call(path, order=order, direction=direction, **tenant(business, path))
    assert {row["id"] for row in rows} == {row["id"] for row in whole(path)}
    if order in _UNSEEN:
        back = "desc" if direction == "asc" else "asc"
        other = official.call(path, order=order, direction=back, **tenant(business, path))
        assert rows == other[::-1]
        return
    if path in ("apps", "checkout_configurations") and order in ("created_at", "discoverable_at"):
        known = {row["id"]: row for row in whole(path)}
        assert rows == [known[row["id"]] for row in rows]
    values = [_sortable(at(row, _SORTED.get(order, order))) for row in rows]
    present = [value for value in values if value is not None]
    assert present == sorted(present, reverse=direction == "desc")


def _sortable(value: Any) -> Any:
    return float(value["amount"]) if isinstance(value, dict) else value


# What is refused, and what nobody knows


def test_one_valued_filters_and_filters_that_are_gone(
    official: Official, business: Business
) -> None:
    own = {"account_id": business.company_id}
    wrong: list[tuple[str, Row]] = [
        ("payments", {"statuses": "paid"}),
        ("payments", {"substatuses": "succeeded"}),
        ("payments", {"updated_after": "2026-01-01T00:00:00Z"}),
        ("payments", {"plan_ids": "plan_x"}),
        ("payments", {"status": ["paid", "open"]}),
        ("payments", {"status": "refunded"}),
        ("payments", {"order": "final_amount"}),
        ("payments", {"company_id": business.company_id}),
        ("refunds", {"company_id": business.company_id}),
        ("checkout_configurations", {"company_id": business.company_id}),
        ("checkout_configurations", {"last": 3}),
        ("setup_intents", {"status": "done"}),
        ("members", {"order": "most_recent_action"}),
        ("memberships", {"order": "status"}),
        ("payouts", {"direction": "asc"}),
    ]
    for path, query in wrong:
        with pytest.raises(BadRequestError) as refused:
            getattr(official.client, path).list(
                **own, request_options={"additional_query_parameters": query}
            )
        assert refused.value.body["error"].keys() == {"type", "message"}, path


def test_what_a_list_shows_without_an_account(
    official: Official, server: Server, business: Business, whole: Callable[[str], list[Row]]
) -> None:
    for path in ("products", "apps"):
        everybody = {row["account"]["id"] for row in official.call(path)}
        assert business.company_id in everybody
        assert len(everybody) == (2 if path == "products" else len(everybody))
    ignored = official.call(
        "products", request_options={"additional_query_parameters": {"company_id": "biz_x"}}
    )
    assert {row["id"] for row in ignored} == {row["id"] for row in official.call("products")}
    assert official.call("payment_methods") == []
    for path in ("members", "memberships", "payments", "refunds", "disputes", "reviews"):
        assert {row["id"] for row in official.call(path)} == {row["id"] for row in whole(path)}
    assert official.call("memberships", account_id="biz_of_strangers") == []
    with pytest.raises(BadRequestError):
        official.client.variants.list()
    listed = official.call("variants", product_ids=[whole("variants")[0]["product"]["id"]])
    assert {row["product"]["id"] for row in listed} == {whole("variants")[0]["product"]["id"]}


def test_canceling_is_active_and_set_to_end(
    business: Business, whole: Callable[[str], list[Row]]
) -> None:
    rows = {row["id"]: row for row in whole("memberships")}
    ending = [row for row in business.rows("memberships") if row["status"] == "canceling"]
    assert ending
    for row in ending:
        assert (rows[row["id"]]["status"], rows[row["id"]]["cancel_at_period_end"]) == (
            "active",
            True,
        )


def test_amounts_are_money_in_the_currency_that_is_paid_out(
    business: Business, whole: Callable[[str], list[Row]]
) -> None:
    legacy = {row["id"]: business.row("payments", row["id"]) for row in business.rows("payments")}
    odd = 0
    for row in whole("payments"):
        before = legacy[row["id"]]
        assert row["currency"] == before["settlement_currency"]
        shown = row["presentment_total"]
        assert (float(shown["amount"]), shown["currency"]) == (before["total"], before["currency"])
        amounts = ("total", "subtotal", "refunded_amount", "tax_amount", "amount_after_fees")
        assert {row[name]["currency"] for name in amounts if row[name]} == {row["currency"]}
        if before["currency"] == before["settlement_currency"]:
            assert float(row["total"]["amount"]) == before["total"]
        else:
            odd += 1
            worth = before["usd_total"]
            assert worth is None or float(row["total"]["amount"]) == worth
    assert odd


def test_a_percentage_is_a_fraction(business: Business, whole: Callable[[str], list[Row]]) -> None:
    off = {
        row["id"]: (row["promo_type"], row["amount_off"]) for row in business.rows("promo_codes")
    }
    for row in whole("promo_codes"):
        kind, amount = off[row["id"]]
        assert row["amount_off"] == (amount / 100 if kind == "percentage" else amount)


def test_nothing_of_current_is_listed_in_secret(whole: Callable[[str], list[Row]]) -> None:
    assert all(row["client_secret"] is None and row["recovery_url"] is None
               for row in whole("payments"))  # fmt: skip
    assert all("default_api_key" not in row for row in whole("apps"))


def test_the_middle_of_a_moment(official: Official, business: Business) -> None:
    """Waiting lists and payouts include the moment that is given; the others do not."""
    one = official.call("waitlist_entries", account_id=business.company_id)[0]
    assert one["id"] in {
        row["id"] for row in official.call("waitlist_entries", created_after=one["created_at"])
    }
    payment = official.call("payments", account_id=business.company_id, first=100)[0]
    later = official.call("payments", created_after=_moment(payment["created_at"]))
    assert payment["id"] not in {row["id"] for row in later}
    assert timedelta(0) <= business.clock - _moment(payment["created_at"])
