"""Whop's own client of the Legacy surface reads the simulator, and refuses what is not like Whop.

It is whop-sdk 0.0.40, the last one that asks for no version.

With `_strict_response_validation` the client raises on a field that is missing or of another type.
What a filter or an order should give is worked out here from the rows, not by the simulator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import whop_sdk
from whop_sdk import Whop

from whop_simulator import Business, Server, serve

Row = dict[str, Any]
Keep = Callable[[Row], bool]

LISTS = (
    "companies",
    "products",
    "plans",
    "promo_codes",
    "members",
    "memberships",
    "payments",
    "apps",
    "authorized_users",
    "payment_methods",
    "refunds",
    "disputes",
    "dispute_alerts",
    "invoices",
    "entries",
    "leads",
    "experiences",
    "checkout_configurations",
    "setup_intents",
    "affiliates",
    "shipments",
    "company_token_transactions",
    "transfers",
)
TENANT = {"companies": None, "transfers": None}
LATER = {
    "payments": {
        *("shipping_address", "refunds", "risk_score", "risk_signals", "three_ds_verified"),
    },
    "apps": {"hosted_url", "route", "production_web_build", "secrets"},
    "setup_intents": {"three_ds_verified"},
    "users": {
        *("balance", "balance_history", "earnings_usd", "verification", "whop_partner_enabled_at"),
    },
    "checkout_configurations": {"created_at", "updated_at", "three_ds_level"},
}
"""Fields that Whop added after this client: "every version gets new optional fields"."""


@pytest.fixture(scope="module")
def business() -> Business:
    return Business(members=300, years=2)


@pytest.fixture(scope="module")
def server(business: Business) -> Iterator[Server]:
    with serve(business) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Whop]:
    with Whop(
        api_key=server.api_key,
        base_url=server.base_url,
        max_retries=0,
        _strict_response_validation=True,
    ) as official:
        yield official


def listed(client: Whop, business: Business, resource: str, **parameters: Any) -> list[Row]:
    """All pages, as the API wrote them."""
    tenant = TENANT.get(resource, "company_id")
    if tenant and not parameters.keys() & {tenant, "member_id"}:
        parameters[tenant] = business.company_id
    pages = getattr(client, resource).list(**{"first": 100, **parameters})
    return [item.to_dict(mode="json", exclude_unset=True) for item in pages]


def shown(business: Business, resource: str) -> list[Row]:
    """The rows a list shows when nothing is asked for in particular."""
    rows = business.rows(resource)
    if resource == "products":
        return [row for row in rows if row["visibility"] not in ("hidden", "archived")]
    if resource == "plans":
        return [row for row in rows if row["visibility"] != "archived"]
    if resource == "payments":
        return [row for row in rows if row["total"] != 0]
    return rows


def ids(rows: list[Row]) -> set[str]:
    return {row["id"] for row in rows}


def moment(text: str | float) -> datetime:
    """Of a text, or of the Unix seconds that checkout configurations have on Legacy."""
    if isinstance(text, str):
        return datetime.fromisoformat(text)
    return datetime.fromtimestamp(text, UTC)


def known_fields(resource: str, item: Any) -> set[str]:
    """The fields of an answer, without those that the client cannot know."""
    return {*item.model_fields_set} - LATER.get(resource, set())


@pytest.mark.parametrize("resource", LISTS)
@pytest.mark.parametrize("first", [7, 100])
def test_every_page_of_every_list(
    client: Whop, business: Business, resource: str, first: int
) -> None:
    rows = listed(client, business, resource, first=first)
    assert len(rows) == len(ids(rows))
    assert ids(rows) == ids(shown(business, resource))


@pytest.mark.parametrize("resource", LISTS)
def test_a_list_shows_every_field_the_client_knows(
    client: Whop, business: Business, resource: str
) -> None:
    tenant = TENANT.get(resource, "company_id")
    parameters = {tenant: business.company_id} if tenant else {}
    for item in getattr(client, resource).list(**parameters).data:
        assert set(type(item).model_fields) == known_fields(resource, item)


@dataclass(frozen=True)
class Case:
    resource: str
    parameter: str
    value: Any
    keep: Keep
    among: str = "shown"
    more: Row = field(default_factory=dict)


def at(path: str) -> Callable[[Row], Any]:
    def follow(row: Row) -> Any:
        value: Any = row
        for step in path.split("."):
            value = None if value is None else value[step]
        return value

    return follow


def one_of(path: str, *values: Any) -> Keep:
    return lambda row: at(path)(row) in values


def beyond(path: str, middle: datetime, later: bool) -> Keep:
    """Rows with a moment after another one, or those without."""
    return lambda row: (moment(at(path)(row)) > middle) is later


def of_a_person_with(text: str) -> Keep:
    """Rows of somebody whose names or address have the text."""
    return lambda row: (
        row["user"] is not None
        and any(
            text.lower() in str(row["user"][name]).lower() for name in ("name", "username", "email")
        )
    )


def cases(business: Business) -> Iterator[Case]:
    rows = {resource: business.rows(resource) for resource in LISTS}
    for resource in LISTS:
        # The seller's side was there almost from the start.
        seller = resource in ("companies", "plans", "promo_codes")
        middle = business.clock - timedelta(days=680 if seller else 200)
        if resource == "authorized_users" or "created_after" not in parameters_of(resource):
            continue  # no such filter, or (staff) nothing in the row to compare it with
        if resource in ("products", "experiences", "checkout_configurations"):
            middle = moment(sorted(row["created_at"] for row in shown(business, resource))[1])
            middle = middle.replace(microsecond=0) + timedelta(seconds=1)
        given = middle.isoformat() if resource == "plans" else middle
        for name, later in (("created_after", True), ("created_before", False)):
            yield Case(resource, name, given, beyond("created_at", middle, later))
    middle = business.clock - timedelta(days=200)

    plan, product = rows["plans"][0]["id"], rows["products"][0]["id"]
    user = next(row["user"]["id"] for row in rows["members"] if row["user"])
    promo = next(row["promo_code"]["id"] for row in rows["payments"] if row["promo_code"])
    of_members: dict[str, list[Row]] = {}
    for row in rows["memberships"]:
        of_members.setdefault(row["member"]["id"], []).append(row)
    used = {
        row["member"]["id"]
        for row in rows["payments"]
        if row["member"] and at("promo_code.id")(row) == promo
    }

    # All products that are shown came at one moment.
    since = moment(shown(business, "products")[0]["created_at"]) - timedelta(seconds=1)
    yield Case("products", "created_after", since, lambda row: True)
    yield Case("products", "product_types", ["regular"], lambda row: True)
    yield Case("products", "product_types", ["api_only"], lambda row: False)
    for value in ("archived", "hidden", "visible"):
        for resource in ("products", "plans"):
            yield Case(resource, "visibilities", [value], one_of("visibility", value), "all")
    yield Case("plans", "visibilities", ["all"], lambda row: True, "all")
    yield Case(
        "products",
        "visibilities",
        ["not_archived"],
        one_of("visibility", "visible", "hidden"),
        "all",
    )
    yield Case("plans", "plan_types", ["one_time"], one_of("plan_type", "one_time"))
    yield Case("plans", "release_methods", ["waitlist"], one_of("release_method", "waitlist"))
    yield Case("plans", "product_ids", [product], one_of("product.id", product))
    for value in ("active", "inactive", "archived"):
        yield Case("promo_codes", "status", value, one_of("status", value))
    yield Case("promo_codes", "product_ids", [product], one_of("product.id", product))
    yield Case("promo_codes", "plan_ids", [plan], one_of("code", "TENOFF"))

    for value in ("customer", "no_access"):
        yield Case("members", "access_level", value, one_of("access_level", value))
    yield Case("members", "statuses", ["left", "drafted"], one_of("status", "left", "drafted"))
    yield Case(
        "members",
        "most_recent_actions",
        ["churned", "renewing"],
        one_of("most_recent_action", "churned", "renewing"),
    )
    yield Case("members", "user_ids", [user], one_of("user.id", user))
    yield Case(
        "members",
        "plan_ids",
        [plan],
        lambda row: any(m["plan"]["id"] == plan for m in of_members.get(row["id"], [])),
    )
    yield Case(
        "members",
        "product_ids",
        [product],
        lambda row: any(m["product"]["id"] == product for m in of_members.get(row["id"], [])),
    )
    yield Case("members", "promo_code_ids", [promo], lambda row: row["id"] in used)
    for column in ("name", "username", "email"):
        text = next(row["user"][column] for row in rows["members"] if at("user.name")(row))
        yield Case(
            "members",
            "query",
            text.upper(),
            of_a_person_with(text),
        )

    for value in ("active", "canceled", "canceling", "completed", "expired", "trialing"):
        yield Case("memberships", "statuses", [value], one_of("status", value))
    yield Case(
        "memberships", "statuses", ["active", "past_due"], one_of("status", "active", "past_due")
    )
    yield Case(
        "memberships", "cancel_options", ["too_expensive"], one_of("cancel_option", "too_expensive")
    )
    yield Case("memberships", "user_ids", [user], one_of("user.id", user))
    yield Case("memberships", "plan_ids", [plan], one_of("plan.id", plan))
    yield Case("memberships", "product_ids", [product], one_of("product.id", product))
    kept = next(row["promo_code"]["id"] for row in rows["memberships"] if row["promo_code"])
    yield Case("memberships", "promo_code_ids", [kept], one_of("promo_code.id", kept))

    for value in ("paid", "open", "void", "uncollectible"):
        yield Case("payments", "statuses", [value], one_of("status", value))
    yield Case(
        "payments",
        "substatuses",
        ["refunded", "dispute_lost"],
        one_of("substatus", "refunded", "dispute_lost"),
    )
    for value in ("subscription_create", "one_time", "manual"):
        yield Case("payments", "billing_reasons", [value], one_of("billing_reason", value))
    yield Case("payments", "currencies", ["eur", "jpy"], one_of("currency", "eur", "jpy"))
    yield Case("payments", "plan_ids", [plan], one_of("plan.id", plan))
    yield Case("payments", "product_ids", [product], one_of("product.id", product))
    link = next(
        row["checkout_configuration_id"]
        for row in rows["payments"]
        if row["checkout_configuration_id"]
    )
    yield Case(
        "payments", "checkout_configuration_ids", [link], one_of("checkout_configuration_id", link)
    )
    yield Case("payments", "include_free", True, lambda row: True, "all")
    yield Case("payments", "include_free", False, lambda row: row["total"] != 0, "all")
    yield Case("payments", "query", user, one_of("user.id", user))
    membership = next(row["membership"]["id"] for row in rows["payments"] if row["membership"])
    yield Case("payments", "query", membership, one_of("membership.id", membership))
    for name, later in (("updated_after", True), ("updated_before", False)):
        yield Case("payments", name, middle, beyond("updated_at", middle, later))
    yield Case(
        "payments",
        "statuses",
        ["paid"],
        lambda row: row["status"] == "paid" and moment(row["created_at"]) > middle,
        more={"created_after": middle},
    )

    for value in ("b2b_app", "component"):
        yield Case("apps", "app_type", value, one_of("app_type", value))
    yield Case("apps", "view_type", "dash", one_of("app_type", "b2b_app"))
    yield Case("apps", "query", "desk", one_of("name", "Seller Desk"))
    yield Case("apps", "verified_apps_only", True, lambda row: row["verified"])
    yield Case("apps", "verified_apps_only", False, lambda row: True)
    yield Case("authorized_users", "role", "owner", one_of("role", "owner"))
    staff = rows["authorized_users"][-1]["user"]["id"]
    yield Case("authorized_users", "user_id", staff, one_of("user.id", staff))
    hired = {item.row["id"]: item.created_at for item in business.tables["authorized_users"].rows()}

    def hired_beyond(middle: float, later: bool, row: Row) -> bool:
        return (hired[row["id"]] > middle) is later

    for name, later in (("created_after", True), ("created_before", False)):
        yield Case(
            "authorized_users",
            name,
            middle,
            partial(hired_beyond, middle.timestamp() * 1000, later),
        )
    yield Case("companies", "parent_company_id", "biz_nobody", lambda row: False)

    payment = rows["refunds"][0]["payment"]["id"]
    yield Case("refunds", "payment_id", payment, one_of("payment.id", payment))
    payment = rows["shipments"][0]["payment"]["id"]
    yield Case("shipments", "payment_id", payment, one_of("payment.id", payment))
    for name in ("origin", "destination"):
        account = f"{name}_ledger_account_id"
        ours = f"ldgr_{business.company_id}"
        yield Case("transfers", f"{name}_id", business.company_id, one_of(account, ours))
    bought = {row["id"]: at("user.id")(row) for row in rows["payments"]}

    def bought_by(buyer: str, row: Row) -> bool:
        return bool(bought[row["payment"]["id"]] == buyer)

    for resource in ("refunds", "shipments"):
        buyer = next(found for row in rows[resource] if (found := bought[row["payment"]["id"]]))
        yield Case(
            resource,
            "user_id",
            buyer,
            partial(bought_by, buyer),
        )
    for value in ("paid", "open", "past_due"):
        yield Case("invoices", "statuses", [value], one_of("status", value))
    yield Case("invoices", "collection_methods", ["send_invoice"], lambda row: row["due_date"])
    products = {row["id"]: row["product"]["id"] for row in rows["plans"]}
    invoiced = rows["invoices"][0]["current_plan"]["id"]
    yield Case(
        "invoices",
        "product_ids",
        [products[invoiced]],
        lambda row: products[row["current_plan"]["id"]] == products[invoiced],
    )
    for value in ("pending", "approved", "denied"):
        yield Case("entries", "statuses", [value], one_of("status", value))
    entry = rows["entries"][0]
    yield Case("entries", "plan_ids", [entry["plan"]["id"]], one_of("plan.id", entry["plan"]["id"]))
    wanted = entry["product"]["id"]
    yield Case("entries", "product_ids", [wanted], one_of("product.id", wanted))
    wanted = next(row["product"]["id"] for row in rows["leads"] if row["product"])
    yield Case("leads", "product_ids", [wanted], one_of("product.id", wanted))
    experience = rows["experiences"][0]
    (of,) = business.row("experiences", experience["id"])["products"]
    yield Case("experiences", "product_id", of["id"], one_of("id", experience["id"]))
    wanted = experience["app"]["id"]
    yield Case("experiences", "app_id", wanted, one_of("app.id", wanted))
    wanted = rows["checkout_configurations"][1]["plan"]["id"]
    yield Case("checkout_configurations", "plan_id", wanted, one_of("plan.id", wanted))
    for value in ("active", "archived"):
        yield Case("affiliates", "status", value, one_of("status", value))
    wanted = rows["affiliates"][0]["user"]["username"]
    yield Case("affiliates", "query", wanted, one_of("user.username", wanted))
    yield Case("company_token_transactions", "transaction_type", "add", lambda row: True)
    yield Case("company_token_transactions", "transaction_type", "transfer", lambda row: False)
    wanted = rows["company_token_transactions"][0]["user"]["id"]
    yield Case("company_token_transactions", "user_id", wanted, one_of("user.id", wanted))


def test_every_filter(client: Whop, business: Business) -> None:
    tried: dict[str, set[str]] = {}
    found: dict[tuple[str, str], int] = {}
    for case in cases(business):
        rows = listed(client, business, case.resource, **{case.parameter: case.value}, **case.more)
        pool = (
            business.rows(case.resource) if case.among == "all" else shown(business, case.resource)
        )
        expected = {row["id"] for row in pool if case.keep(row)}
        assert ids(rows) == expected, f"{case.resource} {case.parameter}={case.value}"
        assert len(rows) == len(expected)
        found[case.resource, case.parameter] = found.get((case.resource, case.parameter), 0) + len(
            rows
        )
        tried.setdefault(case.resource, set()).add(case.parameter)
    # A filter that never finds anything has not been tried.
    assert {name for name, count in found.items() if not count} == {
        ("companies", "created_after"),
        ("companies", "parent_company_id"),
    }
    paging = {"first", "last", "after", "before", "order", "direction", "company_id", "account_id"}
    for resource in LISTS:
        known = set(parameters_of(resource)) - paging
        if resource == "payment_methods":
            known.discard("member_id")  # has a test of its own
        assert tried[resource] == known, f"filters of {resource} that are not tried"


def parameters_of(resource: str) -> list[str]:
    singular = {"companies": "company", "entries": "entry"}.get(
        resource, resource.removesuffix("s")
    )
    module = getattr(whop_sdk.types, f"{singular}_list_params")
    (kind,) = (value for name, value in vars(module).items() if name.endswith("ListParams"))
    return list(kind.__annotations__)


def test_payment_methods_of_one_member(client: Whop, business: Business) -> None:
    member = max(business.members, key=lambda one: len([m for m in one.methods if not m.removed]))
    rows = listed(client, business, "payment_methods", member_id=member.id)
    encode = business.ids["payment_methods"].encode
    assert ids(rows) == {encode(m.number) for m in member.methods if not m.removed}
    assert rows


def key_for(order: str) -> Callable[[Row], Any]:
    path = {
        "final_amount": "total",
        "most_recent_action": "most_recent_action_at",
        "date_joined": "joined_at",
        "active_members_count": "member_count",
        "expires_at": "expiration_days",
        "active_memberships_count": "member_count",
        "cached_total_referrals": "total_referrals_count",
    }.get(order, order)
    return at(path)


ORDERS = [
    *(("payments", order) for order in ("final_amount", "created_at", "paid_at")),
    *(
        ("memberships", order)
        for order in ("id", "created_at", "status", "canceled_at", "date_joined")
    ),
    *(
        ("members", order)
        for order in ("id", "usd_total_spent", "created_at", "joined_at", "most_recent_action")
    ),
    *(
        ("plans", order)
        for order in (
            "id",
            "active_members_count",
            "created_at",
            "internal_notes",
            "expires_at",
        )
    ),
    *(("products", order) for order in ("created_at", "active_memberships_count")),
    ("payment_methods", None),
    ("companies", None),
    ("refunds", None),
    ("disputes", None),
    ("dispute_alerts", None),
    ("setup_intents", None),
    *(("invoices", order) for order in ("id", "created_at", "due_date")),
    *(("entries", order) for order in ("id", "created_at")),
    ("checkout_configurations", None),
    *(("affiliates", order) for order in ("id", "created_at", "cached_total_referrals")),
]


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize(("resource", "order"), ORDERS)
def test_every_order_in_both_directions(
    client: Whop, business: Business, resource: str, order: str | None, direction: str
) -> None:
    parameters: Row = {"direction": direction, "first": 50}
    if order is not None:
        parameters["order"] = order
    rows = listed(client, business, resource, **parameters)
    assert ids(rows) == ids(shown(business, resource))
    values = [key_for(order or "created_at")(row) for row in rows]
    present = [value for value in values if value is not None]
    assert present == sorted(present, reverse=direction == "desc")
    missing = len(values) - len(present)
    # Missing values come last upwards and first downwards, as Postgres has it.
    edge = values[:missing] if direction == "desc" else values[len(present) :]
    assert edge == [None] * missing


def test_memberships_by_total_spend(client: Whop, business: Business) -> None:
    spent = {m.id: m.spent for one in business.members for m in one.memberships}
    rows = listed(client, business, "memberships", order="total_spend", direction="desc")
    values = [spent[row["id"]] for row in rows]
    assert values == sorted(values, reverse=True)


APP_ORDERS = [
    "created_at",
    "discoverable_at",
    "total_installs_last_30_days",
    "total_installs_last_7_days",
    "time_spent",
    "time_spent_last_24_hours",
    "daily_active_users",
    "ai_prompt_count",
    "total_ai_cost_usd",
    "total_ai_tokens",
    "last_ai_prompt_at",
    "ai_average_rating",
]


@pytest.mark.parametrize("order", APP_ORDERS)
def test_apps_in_every_order(client: Whop, business: Business, order: str) -> None:
    up = listed(client, business, "apps", order=order, direction="asc")
    down = listed(client, business, "apps", order=order, direction="desc")
    assert len(up) > 2
    assert up == down[::-1]


@pytest.mark.parametrize("resource", LISTS)
def test_every_object(client: Whop, business: Business, resource: str) -> None:
    rows = business.rows(resource)
    step = max(1, len(rows) // 60)
    for row in rows[::step]:
        item = getattr(client, resource).retrieve(row["id"])
        assert set(type(item).model_fields) == known_fields(resource, item)
        written = item.to_dict(mode="json", exclude_unset=True)
        assert written.items() >= {"id": row["id"]}.items()
        inside = business.row(resource, row["id"])
        assert set(written) == set(inside)
        assert set(row) <= set(inside)


def test_objects_that_lists_leave_out(client: Whop, business: Business) -> None:
    archived = [row for row in business.rows("plans") if row["visibility"] == "archived"]
    hidden = [row for row in business.rows("products") if row["visibility"] != "visible"]
    assert {row["visibility"] for row in hidden} == {"hidden", "archived"}
    assert archived
    assert client.plans.retrieve(archived[0]["id"]).visibility == "archived"
    for row in hidden:
        assert client.products.retrieve(row["id"]).visibility == row["visibility"]


def test_users(client: Whop, business: Business) -> None:
    members = [row for row in business.rows("members") if row["user"]]
    for row in members[::20]:
        by_id = client.users.retrieve(row["user"]["id"])
        assert set(type(by_id).model_fields) == known_fields("users", by_id)
        assert by_id == client.users.retrieve(row["user"]["username"])
        assert by_id.name == row["user"]["name"]
    assert client.users.retrieve("me").id == business.rows("authorized_users")[0]["user"]["id"]


def reviews_of(client: Whop, product: str, **parameters: Any) -> list[Row]:
    pages = client.reviews.list(product_id=product, first=5, **parameters)
    return [item.to_dict(mode="json", exclude_unset=True) for item in pages]


def test_reviews_are_listed_per_product(client: Whop, business: Business) -> None:
    objects = {row["id"]: business.row("reviews", row["id"]) for row in business.rows("reviews")}
    seen: set[str] = set()
    for product in ids(business.rows("products")):
        own = {key: row for key, row in objects.items() if row["product"]["id"] == product}
        assert ids(reviews_of(client, product)) == own.keys()
        for least, most in ((1, 3), (5, 5)):
            stars = ids(reviews_of(client, product, min_stars=least, max_stars=most))
            assert stars == {key for key, row in own.items() if least <= row["stars"] <= most}
        middle = business.clock - timedelta(days=200)
        later = ids(reviews_of(client, product, created_after=middle))
        assert later == {key for key, row in own.items() if moment(row["created_at"]) > middle}
        earlier = ids(reviews_of(client, product, created_before=middle))
        assert earlier | later == own.keys()
        seen |= own.keys()
    assert seen == objects.keys() != set()
    for key, row in objects.items():
        item = client.reviews.retrieve(key)
        assert set(type(item).model_fields) == item.model_fields_set == set(row)
    with pytest.raises(whop_sdk.BadRequestError):
        client.reviews.list(product_id=whop_sdk.omit)  # type: ignore[arg-type]


def test_fees_are_listed_per_payment(client: Whop, business: Business) -> None:
    payments = business.rows("payments")
    paid = next(row for row in payments if row["status"] == "paid" and row["total"])
    free = next(row for row in payments if row["total"] == 0)
    disputed = next(row for row in payments if row["dispute_alerted_at"])
    assert len(client.payments.list_fees(paid["id"]).data) == 2
    assert [fee.type for fee in client.payments.list_fees(disputed["id"])][-1] == "dispute_fee"
    assert client.payments.list_fees(free["id"]).data == []
    by_one = [fee.type for fee in client.payments.list_fees(disputed["id"], first=1)]
    assert by_one == [fee.type for fee in client.payments.list_fees(disputed["id"])]
    with pytest.raises(whop_sdk.NotFoundError):
        client.payments.list_fees("pay_00000000000000")


def test_files_that_reviews_name(client: Whop, business: Business) -> None:
    named = {each["id"] for row in business.rows("reviews") for each in row["attachments"]}
    assert named
    for key in named:
        file = client.files.retrieve(key)
        assert set(type(file).model_fields) == file.model_fields_set
        assert file.upload_status == "ready"


def test_what_is_around_a_payment_agrees_with_it(business: Business) -> None:
    payments = {row["id"]: business.row("payments", row["id"]) for row in business.rows("payments")}
    refunded: dict[str, float] = {}
    for refund in business.rows("refunds"):
        payment = payments[refund["payment"]["id"]]
        assert refund["currency"] == payment["currency"]
        if refund["status"] != "failed":
            assert refund["id"] in {each["id"] for each in payment["refunds"]}
            before = refunded.get(payment["id"], 0)
            refunded[payment["id"]] = round(before + refund["amount"], 6)
    amounts = {key: row["refunded_amount"] for key, row in payments.items()}
    assert refunded == {key: round(amount, 6) for key, amount in amounts.items() if amount}
    disputes = {row["payment"]["id"]: row for row in business.rows("disputes")}
    for key, dispute in disputes.items():
        assert dispute["created_at"] == payments[key]["dispute_alerted_at"]
        assert {dispute["id"]} == {each["id"] for each in payments[key]["disputes"]}
    assert disputes.keys() == {key for key, row in payments.items() if row["dispute_alerted_at"]}
    twice = [key for key, row in payments.items() if len(row["refunds"]) > 1]
    assert twice, "no payment was refunded twice: nothing shows that each has a date of its own"


def test_the_company_by_me(client: Whop, business: Business) -> None:
    assert client.companies.retrieve("me").id == business.company_id


def test_errors_as_the_client_knows_them(client: Whop, business: Business) -> None:
    with pytest.raises(whop_sdk.NotFoundError):
        client.payments.retrieve("pay_00000000000000")
    with pytest.raises(whop_sdk.BadRequestError):
        client.memberships.list(company_id=business.company_id, extra_query={"colour": "red"})
    with pytest.raises(whop_sdk.AuthenticationError):
        client.with_options(api_key="wrong").members.list(company_id=business.company_id)


def test_what_a_key_can_change() -> None:
    business = Business(members=100, years=1)
    with (
        serve(business) as running,
        Whop(
            api_key=running.api_key, base_url=running.base_url, _strict_response_validation=True
        ) as official,
    ):
        plan = business.rows("plans")[0]["id"]
        updated = official.plans.update(plan, title="New", renewal_price=10.43, visibility="hidden")
        assert (updated.title, updated.renewal_price, updated.visibility) == (
            "New",
            10.43,
            "hidden",
        )
        assert updated.updated_at == business.clock
        assert official.plans.retrieve(plan) == updated
        with pytest.raises(whop_sdk.BadRequestError):
            official.plans.update(plan, currency="quatloo")  # type: ignore[arg-type]
        with pytest.raises(whop_sdk.NotFoundError):
            official.plans.update("plan_00000000000000", title="x")

        promo = business.rows("promo_codes")[0]["id"]
        assert official.promo_codes.delete(promo) is True
        assert official.promo_codes.retrieve(promo).status == "archived"

        file = official.files.create(filename="a.pdf")
        assert file.upload_url
        assert file.upload_headers
        again = official.files.retrieve(file.id)
        assert again.filename == "a.pdf"
        assert "upload_url" not in again.model_fields_set

        token = official.access_tokens.create(company_id=business.company_id)
        assert token.token.startswith("whop_at_")
        assert token.expires_at - business.clock == timedelta(hours=1)
        longest = business.clock + timedelta(hours=3)
        assert official.access_tokens.create(user_id="user_x", expires_at=longest).expires_at
        for wrong in (
            {},
            {"user_id": "user_x", "company_id": "biz_x"},
            {"user_id": "user_x", "expires_at": longest + timedelta(seconds=1)},
        ):
            with pytest.raises(whop_sdk.BadRequestError):
                official.access_tokens.create(**wrong)

        holders = [row for row in business.rows("members") if row["company_token_balance"]]
        rows = business.rows("company_token_transactions")
        assert {row["member"]["id"] for row in rows} <= {row["id"] for row in holders}
        for row in rows:
            given = official.company_token_transactions.retrieve(row["id"])
            assert given.amount == 25
    assert running.requests["PATCH /plans/{id}"] == 3
    assert running.requests["POST /access_tokens"] == 5


def test_after_a_year_everything_still_reads(business: Business) -> None:
    later = Business(members=100, years=1)
    later.advance(timedelta(days=365))
    with (
        serve(later) as running,
        Whop(
            api_key=running.api_key, base_url=running.base_url, _strict_response_validation=True
        ) as official,
    ):
        for resource in LISTS:
            rows = listed(official, later, resource)
            assert ids(rows) == ids(shown(later, resource))
            assert all(
                moment(row[name]) <= later.clock
                for row in rows
                for name in ("created_at", "updated_at")
                if name in row
            )
    assert later.clock == datetime(2027, 1, 15, 9, tzinfo=UTC)
