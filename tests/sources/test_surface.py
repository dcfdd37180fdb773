"""The two surfaces as data: rows of both get one shape, and what is of the other one is refused."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from whop_source.client import Page, WhopClient
from whop_source.credentials import Credentials, looks_like_credential
from whop_source.errors import ForeignRow, OtherSurface
from whop_source.reading import Reader
from whop_source.resources import BY_NAME, RESOURCES, Resource
from whop_source.surface import CURRENT, LEGACY, SURFACES, is_tried, surface_of

Row = dict[str, Any]
BIZ = "biz_1"


def money(amount: str, currency: str = "eur") -> Row:
    return {"amount": amount, "currency": currency, "decimals": 2, "display_decimals": 2}


CURRENT_ROWS: dict[str, Row] = {
    "payments": {
        "id": "pay_1",
        "account_id": BIZ,
        "plan_id": "plan_1",
        "product_id": None,
        "member_id": "mber_1",
        "membership_id": "mem_1",
        "promo_code_id": None,
        "payment_method_id": None,
        "payment_method_type": "card",
        "currency": "eur",
        "total": money("12345678.90"),
        "subtotal": money("10.00"),
        "usd_total": money("11.5", "usd"),
        "presentment_total": money("1200", "jpy"),
        "refunded_amount": None,
        "customer_email": "a@example.com",
        "user": {"id": "user_1", "name": "A", "username": "a", "profile_picture": {"url": "x"}},
        "last_payment_attempt_at": "2026-01-01T00:00:00.000Z",
        "payment_instrument": {
            "display_name": "Visa •••• 4242",
            "icons": {"card": {}},
            "payment_method_type": "card",
            "card": {"brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2030},
        },
    },
    "memberships": {
        "id": "mem_1",
        "account": {"id": BIZ, "title": "B", "route": "b", "logo_url": None},
        "plan_id": "plan_1",
        "product_id": "prod_1",
        "product": {"id": "prod_1", "title": "P", "logo_url": None},
        "member_id": "mber_1",
        "member": None,
        "promo_code_id": None,
        "user_id": "user_1",
        "status": "active",
        "cancel_at_period_end": True,
        "current_period_start": "2026-01-01T00:00:00.000Z",
        "current_period_end": "2026-02-01T00:00:00.000Z",
        "renewal_price": money("30.00"),
        "initial_price": money("0.00"),
    },
    "promo_codes": {"id": "promo_1", "amount_off": 0.29, "promo_type": "percentage"},
    "payment_fees": {
        "origin": "stripe_fixed_processing_fee",
        "type": "processing_fee",
        "label": "Processing",
        "amount": money("0.30", "usd"),
        "settlement_amount": money("0.27"),
    },
    "dispute_alerts": {
        "id": "dspa_1",
        "account_id": None,
        "type": "early_fraud_warning",
        "payment_id": None,
        "fee_charged": False,
        "fee": None,
        "transaction_at": "2026-01-01T00:00:00.000Z",
    },
}
"""As whop-sdk 2.6.0 has them, where it matters."""

OUR_ROWS: dict[str, Row] = {
    "payments": {
        "id": "pay_1",
        "company": {"id": BIZ},
        "plan": {"id": "plan_1"},
        "product": None,
        "member": {"id": "mber_1"},
        "membership": {"id": "mem_1"},
        "promo_code": None,
        "payment_method": {
            "id": None,
            "payment_method_type": "card",
            "card": {"exp_month": 4, "exp_year": 2030},
        },
        "payment_method_type": "card",
        "currency": "eur",
        "settlement_currency": "eur",
        "total": 12345678.9,
        "settlement_amount": 12345678.9,
        "subtotal": 10,
        "usd_total": 11.5,
        "presentment_total": 1200,
        "presentment_currency": "jpy",
        "refunded_amount": None,
        "user": {"id": "user_1", "name": "A", "username": "a", "email": "a@example.com"},
        "last_payment_attempt": "2026-01-01T00:00:00.000Z",
        "card_brand": "visa",
        "card_last4": "4242",
        "payment_instrument": {"display_name": "Visa •••• 4242", "card": {}},
    },
    "memberships": {
        "id": "mem_1",
        "company": {"id": BIZ, "title": "B"},
        "plan": {"id": "plan_1"},
        "product": {"id": "prod_1", "title": "P"},
        "member": {"id": "mber_1"},
        "promo_code": None,
        "user": {"id": "user_1"},
        "status": "canceling",
        "cancel_at_period_end": True,
        "renewal_period_start": "2026-01-01T00:00:00.000Z",
        "renewal_period_end": "2026-02-01T00:00:00.000Z",
        "renewal_price": 30,
        "initial_price": 0,
        "currency": "eur",
    },
    "promo_codes": {"id": "promo_1", "amount_off": 29, "promo_type": "percentage"},
    "payment_fees": {
        "type": "stripe_fixed_processing_fee",
        "family": "processing_fee",
        "name": "Processing",
        "amount": 0.3,
        "currency": "usd",
        "settlement_amount": 0.27,
        "settlement_currency": "eur",
    },
    "dispute_alerts": {
        "id": "dspa_1",
        "company": None,
        "alert_type": "fraud",
        "payment": None,
        "charge_for_alert": False,
        "fee": None,
        "transaction_date": "2026-01-01T00:00:00.000Z",
    },
}


def read(table: str, row: Row, surface: Any = CURRENT) -> Row:
    return BY_NAME[table].on(surface).shape.read(copy.deepcopy(row))


@pytest.mark.parametrize("table", CURRENT_ROWS)
def test_a_row_of_current_gets_our_shape(table: str) -> None:
    assert read(table, CURRENT_ROWS[table]) == OUR_ROWS[table]


def test_a_row_of_legacy_stays_as_it_is() -> None:
    legacy = {
        "id": "mem_1",
        "company": {"id": BIZ},
        "plan": {"id": "plan_1"},
        "status": "active",
        "cancel_at_period_end": True,
    }
    assert read("memberships", legacy, LEGACY) == legacy


def test_an_amount_in_another_currency_than_its_row_s_is_not_taken_for_one_in_that() -> None:
    row = {**CURRENT_ROWS["payments"], "tax_amount": money("3.00", "usd")}
    assert read("payments", row)["tax_amount"] == money("3.00", "usd")


def test_digits_that_a_float_would_lose_stay_a_text() -> None:
    row = {**CURRENT_ROWS["payments"], "subtotal": money("12345678901234.123456789")}
    assert read("payments", row)["subtotal"] == "12345678901234.123456789"


@pytest.mark.parametrize("status", ["trialing", "past_due", "canceled"])
def test_only_an_active_membership_that_ends_with_its_period_is_canceling(status: str) -> None:
    row = {**CURRENT_ROWS["memberships"], "status": status}
    assert read("memberships", row)["status"] == status
    row = {**CURRENT_ROWS["memberships"], "cancel_at_period_end": False}
    assert read("memberships", row)["status"] == "active"


def test_a_fixed_discount_is_no_fraction() -> None:
    row = {"id": "promo_1", "amount_off": 0.29, "promo_type": "flat_amount"}
    assert read("promo_codes", row) == row


@pytest.mark.parametrize("table", ["payments", "memberships", "dispute_alerts", "payment_fees"])
def test_a_row_of_the_other_surface_is_recognized(table: str) -> None:
    with pytest.raises(OtherSurface):
        read(table, CURRENT_ROWS[table], LEGACY)
    with pytest.raises(OtherSurface):
        read(table, OUR_ROWS[table], CURRENT)


def test_a_discount_above_everything_is_of_the_other_surface() -> None:
    with pytest.raises(OtherSurface):
        read("promo_codes", {"id": "promo_1", "amount_off": 20, "promo_type": "percentage"})


def test_a_field_that_comes_to_legacy_too_does_not_make_a_row_current_s() -> None:
    """Whop adds new fields to every version."""
    legacy = {"id": "pay_1", "plan": {}, "company": {"id": BIZ}, "account_id": BIZ, "user_id": "u"}
    assert read("payments", legacy, LEGACY) == legacy


@pytest.mark.parametrize("surface", SURFACES, ids=str)
@pytest.mark.parametrize("name", BY_NAME)
def test_what_a_surface_moves_fills_and_lacks_are_columns(name: str, surface: Any) -> None:
    table = BY_NAME[name].on(surface)
    assert table.columns == BY_NAME[name].columns
    shape = table.shape
    targets = [*shape.moves.values(), *shape.money, *shape.copies.values(), *shape.percentages]
    for path in [*targets, *filter(None, shape.money.values())]:
        column = path.replace(".", "__")
        assert any(f"{each}__".startswith(f"{column}__") for each in table.columns), column
    assert {*table.lacks, *table.personal} <= table.columns.keys()
    assert len(set(table.lacks)) == len(table.lacks)
    assert not {*table.lacks} & {"id", "created_at"} or name in ("authorized_users", "files")
    assert table.tenant in (None, CURRENT.tenant if table.one_endpoint else surface.tenant)


def test_a_row_in_the_middle_of_two_surfaces_is_only_ever_asked_for_by_name() -> None:
    """No column is lacked by both: what nobody gives is no column."""
    for table in RESOURCES:
        assert not {*table.on(LEGACY).lacks} & {*table.on(CURRENT).lacks}, table.name


def told(table: Resource, names: tuple[str, ...]) -> str:
    """Columns in words; all that begin alike are one."""
    words: dict[str, None] = {}
    for name in names:
        head = name.split("__")[0]
        alike = {each for each in table.columns if each.split("__")[0] == head}
        words[f"`{head}__*`" if len(alike) > 2 and alike <= {*names} else f"`{name}`"] = None
    return ", ".join(words) or "none"


def test_the_documentation_says_what_each_surface_gives_and_lacks() -> None:
    lines = [
        "table | path | only on Current | only on Legacy",
        "---|---|---|---",
    ]
    for table in RESOURCES:
        legacy, current = table.on(LEGACY), table.on(CURRENT)
        paths = dict.fromkeys(f"`{each.path}`" for each in (legacy, current))
        lines.append(
            f"{table.name} | {', '.join(paths)} | {told(table, legacy.lacks)} | "
            f"{told(table, current.lacks)}"
        )
    text = (Path(__file__).parents[2] / "docs" / "sync.md").read_text(encoding="utf-8")
    assert "\n".join(lines) in text, "\n".join(lines)


# The setting


@pytest.mark.parametrize(
    ("version", "surface"),
    [
        ("2025-01-01", LEGACY),
        ("2026-08-31", LEGACY),
        ("2026-09-02-1", CURRENT),
        ("2026-10-15-1", CURRENT),
        ("2027-01-01", CURRENT),
        ("none", LEGACY),
    ],
)
def test_a_version_is_taken_for_the_surface_it_is_nearest_to(version: str, surface: Any) -> None:
    assert surface_of(version) is surface
    assert is_tried(version) is (version in ("2025-01-01", "2026-10-15-1"))


@pytest.mark.parametrize("version", ["", "latest", "2026-13-01", "2026-10-15-", "20261015", "v2"])
def test_a_version_that_is_no_date_names_the_setting(version: str) -> None:
    with pytest.raises(ValueError, match="SOURCES__WHOP__API_VERSION is"):
        surface_of(version)
    with pytest.raises(ValueError, match="SOURCES__WHOP__API_VERSION is"):
        WhopClient("key", api_version=version)


# Whose row it is


class Answers:
    """A client with answers by hand."""

    api_version = "2026-10-15-1"
    surface = CURRENT

    def __init__(self, *rows: Row) -> None:
        self.rows = list(rows)

    def pages(self, *_: Any, **__: Any) -> Iterator[Page]:
        yield Page(copy.deepcopy(self.rows), datetime.now(UTC), 0, False)


def taken(table: str, row: Row, surface: Any) -> Row:
    """What a reader of `biz_1` makes of a list's row."""
    client: Any = Answers(row)
    client.surface = surface
    reader = Reader(client, BIZ, lambda *_: None)
    run: Any = type("Run", (), {"resource": BY_NAME[table].on(surface)})
    (page,) = reader.pages(run, {})
    reader._check_company(run.resource, page.rows[0])
    return page.rows[0]


NAMES_ITS_COMPANY = [
    ("plans", LEGACY, {"id": "plan_1", "company": {"id": BIZ}}),
    ("plans", CURRENT, {"id": "plan_1", "account": {"id": BIZ}}),
    ("memberships", LEGACY, {"id": "mem_1", "plan": {}, "company": {"id": BIZ}}),
    ("payments", CURRENT, {"id": "pay_1", "account_id": BIZ, "plan_id": None}),
    ("products", CURRENT, {"id": "prod_1", "account": {"id": BIZ}}),
    ("apps", LEGACY, {"id": "app_1", "company": {"id": BIZ}}),
    ("apps", CURRENT, {"id": "app_1", "account": {"id": BIZ}}),
    ("members", CURRENT, {"id": "mber_1", "account_id": BIZ, "phone_number": None}),
    ("refunds", CURRENT, {"id": "rf_1", "account_id": BIZ, "payment_id": "pay_1"}),
    ("experiences", CURRENT, {"id": "exp_1", "company": {"id": BIZ}}),
]


@pytest.mark.parametrize(("table", "surface", "row"), NAMES_ITS_COMPANY)
def test_a_row_that_names_no_company_or_another_is_refused(
    table: str, surface: Any, row: Row
) -> None:
    taken(table, row, surface)
    named = "account_id" if "account_id" in row else "account" if "account" in row else "company"
    stranger = "biz_2" if named == "account_id" else {"id": "biz_2"}
    with pytest.raises(ForeignRow, match="belongs to biz_2"):
        taken(table, {**row, named: stranger}, surface)
    with pytest.raises(ForeignRow, match="does not say"):
        taken(table, {name: value for name, value in row.items() if name != named}, surface)


def test_a_plan_of_an_invoice_is_nobody_s_and_none_the_less_ours() -> None:
    assert taken("plans", {"id": "plan_1", "company": None}, LEGACY)["id"] == "plan_1"
    assert taken("plans", {"id": "plan_1", "account": None}, CURRENT)["id"] == "plan_1"


# Credentials


@pytest.mark.parametrize(
    ("name", "value", "is_one"),
    [
        ("preview_token", "x", True),
        ("clientSecret", "x", True),
        ("webhook_key", None, True),
        ("APIKey", "x", True),
        ("download", "https://s3.example/a?X-Amz-Date=1&X-Amz-Signature=abc", True),
        ("download", "https://example.com/a?page=2", False),
        ("keyboard", "x", False),
        ("tokenized", "x", False),
        ("monkeys", "x", False),
        ("apikey", "x", True),
        ("clientsecret", "x", True),
        ("Authorization", "x", True),
        ("otp", "x", True),
        ("claim_url", "https://whop.example/claim/a", True),
        ("claimed_at", "x", False),
        ("option", "x", False),
    ],
)
def test_a_credential_is_known_by_a_word_of_its_name_or_a_signed_address(
    name: str, value: Any, is_one: bool
) -> None:
    assert looks_like_credential(name, value) is is_one


def test_what_looks_like_a_credential_is_taken_out_wherever_it_is_unless_it_is_declared() -> None:
    row = {
        "company_token_balance": 5,
        "user": {"id": "u", "session_token": "x", "other": [{"secret": 1, "fine": 2}]},
        "metadata": {"key": "the owner's"},
        "links": ["https://a.example/?sig=abc", "https://b.example/"],
    }
    declared = {"company_token_balance": "decimal", "user": {"id": "text"}, "metadata": "json"}
    found = Credentials(declared).take_out(row)
    assert row == {
        "company_token_balance": 5,
        "user": {"id": "u", "other": [{"fine": 2}]},
        "metadata": {"key": "the owner's"},
        "links": ["https://b.example/"],
    }
    assert sorted(found) == ["links", "user__other__secret", "user__session_token"]


def test_no_declared_column_is_a_credential_but_those_that_are_known_not_to_be() -> None:
    looking = {
        f"{table.name}.{column}"
        for table in RESOURCES
        for column in table.columns
        if looks_like_credential(column)
    }
    assert looking == {
        "company_token_transactions.idempotency_key",
        "members.company_token_balance",
        "memberships.license_key",
    }
