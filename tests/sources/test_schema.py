"""From Whop's JSON to Arrow columns of declared types; nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whop_source.privacy import Pii, Privacy
from whop_source.resources import BY_NAME, RESOURCES, Resource
from whop_source.schema import EXTRA, Findings, RowTable, arrow_schema, dlt_columns
from whop_source.values import to_timestamp

COMPANY = "biz_a"
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)

THINGS = Resource(
    name="things",
    path="/things",
    permissions=("thing:read",),
    changes="everything",
    columns={
        "id": "text",
        "label": "text",
        "count": "bigint",
        "ready": "bool",
        "amount": "decimal",
        "created_at": "timestamp",
        "metadata": "json",
        "user__id": "text",
        "plan__price__amount": "decimal",
    },
)


def build(*rows: dict[str, Any], resource: Resource = THINGS) -> tuple[pa.Table, Findings]:
    builder = RowTable(resource, COMPANY, NOW)
    return builder.build([{"id": "x_1", **row} for row in rows]), builder.findings


def value(column: str, given: Any, path: str | None = None) -> Any:
    """What a column holds after a row had that value."""
    nested: Any = given
    for key in reversed((path or column).split("__")):
        nested = {key: nested}
    table, findings = build(nested)
    assert not findings.unknown
    assert not findings.unfit
    assert table[EXTRA].to_pylist() == [None]
    return table[column].to_pylist()[0]


def digest(row: dict[str, Any], company: str = COMPANY, resource: Resource = THINGS) -> str:
    table = RowTable(resource, company, NOW).build([row])
    return str(table["_dlt_id"][0].as_py())


# Declared types


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.name)
def test_all_documented_columns_exist_even_when_every_value_is_null(resource: Resource) -> None:
    empty = RowTable(resource, COMPANY, NOW).build([{"id": "x_1"}])
    assert empty.schema == arrow_schema(resource)
    assert set(resource.columns) | {
        "company_id",
        "_whop_synced_at",
        "_whop_deleted_at",
        "_whop_extra",
        "_dlt_id",
    } == set(empty.column_names)
    (row,) = empty.to_pylist()
    filled = {name for name, held in row.items() if held is not None}
    assert filled == {"id", "company_id", "_whop_synced_at", "_dlt_id"}
    assert (row["company_id"], row["_whop_synced_at"]) == (COMPANY, NOW)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.name)
def test_dlt_is_told_the_type_of_every_column(resource: Resource) -> None:
    hints = dlt_columns(resource)
    assert list(hints) == arrow_schema(resource).names
    for name, kind in resource.columns.items():
        assert hints[name]["data_type"] == kind
        assert hints[name]["nullable"] is (name not in ("id", "company_id"))
        if kind == "decimal":
            assert (hints[name]["precision"], hints[name]["scale"]) == (38, 9)


def test_money_is_never_a_float() -> None:
    for resource in RESOURCES:
        for name, kind in resource.columns.items():
            # One that Whop has formatted ("$30.00 / month") is a text.
            if name.endswith(("total", "amount", "_price", "spent", "_fees")) and (
                "formatted" not in name
            ):
                assert kind == "decimal", f"{resource.name}.{name} is {kind}"


# Amounts


@pytest.mark.parametrize(
    ("json_number", "exact"),
    [
        ("10.43", "10.43"),
        ("0.30000000000000004", "0.3"),  # 0.1 + 0.2 as a float prints it
        ("19.990000000000002", "19.99"),
        ("19.090000000000003", "19.09"),
        ("0.010416666666666666", "0.010416667"),
        ("1e-30", "0"),
        ("5e-10", "0.000000001"),  # half away from zero
        ("-5e-10", "-0.000000001"),
        ("4.9e-10", "0"),
        ('"1234567.1234567895"', "1234567.12345679"),
        ('"19.990000000000002"', "19.99"),
        ('" 19.99 "', "19.99"),
        ("0.1", "0.1"),
        ("0.2", "0.2"),
        ("1e-9", "0.000000001"),
        ("0.00000001", "0.00000001"),  # one satoshi
        ("1234", "1234"),  # jpy
        ("9223372036854775807", "9223372036854775807"),
        ("0", "0"),
        ("-3.5", "-3.5"),
        ("9999999999999.99", "9999999999999.99"),
        ('"19.99"', "19.99"),
        ('"123456789012345678901234567.123456789"', "123456789012345678901234567.123456789"),
    ],
)
def test_amounts_are_what_was_written(json_number: str, exact: str) -> None:
    assert value("amount", json.loads(json_number)) == Decimal(exact)


@given(st.decimals(min_value=-(10**6), max_value=10**6, places=2))
def test_every_amount_with_two_places_survives_the_way_through_json(amount: Decimal) -> None:
    assert value("amount", json.loads(str(amount))) == amount


def test_the_sum_of_amounts_is_exact() -> None:
    table, _ = build({"amount": 0.1}, {"amount": 0.2}, {"amount": 10.43})
    assert sum(table["amount"].to_pylist()) == Decimal("10.73")


def test_amounts_deep_in_a_row_are_columns_too() -> None:
    assert value("plan__price__amount", 7.7) == Decimal("7.7")


# Times


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2023-12-01T05:00:00.401Z", datetime(2023, 12, 1, 5, 0, 0, 401_000, UTC)),
        ("2023-12-01T05:00:00Z", datetime(2023, 12, 1, 5, tzinfo=UTC)),
        ("2023-12-01T07:00:00+02:00", datetime(2023, 12, 1, 5, tzinfo=UTC)),
        ("2023-12-01T05:00:00", datetime(2023, 12, 1, 5, tzinfo=UTC)),
        (1701406800, datetime(2023, 12, 1, 5, tzinfo=UTC)),
        (1701406800.401, datetime(2023, 12, 1, 5, 0, 0, 401_000, UTC)),
        ("1701406800", datetime(2023, 12, 1, 5, tzinfo=UTC)),
        ("2010-01-01T00:00:00Z", datetime(2010, 1, 1, tzinfo=UTC)),
        ("2199-12-31T23:59:59Z", datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_times_are_utc_whether_iso_or_unix(given: Any, moment: datetime) -> None:
    assert to_timestamp(given) == moment
    assert to_timestamp(given).utcoffset() == moment.utcoffset()
    assert value("created_at", given) == moment


# Other types


@pytest.mark.parametrize(
    ("column", "given", "held"),
    [
        ("label", "héllo 😀", "héllo 😀"),
        ("label", "", ""),
        ("label", 12, "12"),
        ("label", True, "true"),
        ("count", 12, 12),
        ("count", 12.0, 12),
        ("count", 2**63 - 1, 2**63 - 1),
        ("count", "12", 12),
        ("count", "12.0", 12),
        ("ready", False, False),
        ("ready", "true", True),
        ("user__id", "user_1", "user_1"),
    ],
)
def test_values_of_their_columns_type_are_kept_as_they_are(
    column: str, given: Any, held: Any
) -> None:
    assert value(column, given) == held


@pytest.mark.parametrize("given", [{"a": [1, {"b": None}]}, [], [1, "x"], {}, "text", 0])
def test_free_form_objects_are_one_json_column(given: Any) -> None:
    assert json.loads(value("metadata", given)) == given


def test_a_null_object_leaves_its_columns_null() -> None:
    table, findings = build({"user": None, "plan": {"price": None}})
    assert table["user__id"].to_pylist() == table["plan__price__amount"].to_pylist() == [None]
    assert findings == Findings()


# What does not fit


@pytest.mark.parametrize(
    ("column", "given"),
    [
        ("label", {"text": "x"}),
        ("label", ["x"]),
        ("count", "twelve"),
        ("count", "1_000"),
        ("count", "1.5"),
        ("count", 1.5),
        ("count", True),
        ("count", 2**63),
        ("ready", "yes"),
        ("ready", 1),
        ("amount", True),
        ("amount", "ten"),
        ("amount", "1_000"),
        ("amount", "$10.00"),
        ("amount", "NaN"),
        ("amount", "Infinity"),
        ("amount", 1e30),
        ("amount", {"cents": 5}),
        ("created_at", "yesterday"),
        ("created_at", True),
        ("created_at", 10**18),
        ("created_at", "0001-01-01T00:00:00Z"),
        ("created_at", "2009-12-31T23:59:59.999Z"),
        ("created_at", "2200-01-01T00:00:00Z"),
        ("created_at", "9999-12-31T23:59:59Z"),
        ("created_at", 0),
        ("created_at", "0"),
        ("created_at", {}),
        ("created_at", []),
    ],
)
def test_a_value_of_another_type_is_kept_and_reported(column: str, given: Any) -> None:
    table, findings = build({column: given}, {})
    assert table[column].to_pylist() == [None, None]
    extras = table[EXTRA].to_pylist()
    assert json.loads(extras[0]) == {column: given}
    assert extras[1] is None
    assert findings.unfit == {column: 1}
    assert not findings.unknown


def test_a_bare_id_where_an_object_is_documented_is_its_id() -> None:
    assert value("user__id", "user_1", path="user") == "user_1"


@pytest.mark.parametrize("given", ["", "somebody", "a person", 12, ["user_1"]])
def test_a_bare_value_where_an_object_is_documented_is_kept(given: Any) -> None:
    table, findings = build({"user": given})
    assert table["user__id"].to_pylist() == [None]
    assert json.loads(table[EXTRA].to_pylist()[0]) == {"user": given}
    assert findings.unfit == {"user": 1}


@pytest.mark.parametrize("depth", [300, 900])
@pytest.mark.parametrize("field", ["metadata", "label", "brand_new"])
@pytest.mark.parametrize("mode", ["keep", "hash", "drop"])
def test_a_value_nested_too_deep_is_set_aside_alone(mode: Pii, field: str, depth: int) -> None:
    deep: Any = "core"
    for _ in range(depth):
        deep = [deep]
    builder = RowTable(THINGS, COMPANY, NOW, Privacy(mode, "k"))
    table = builder.build([{"id": "x_1", field: deep, "amount": 3}, {"id": "x_2", "amount": 4}])
    assert table["amount"].to_pylist() == [3, 4]
    assert builder.findings.too_deep == {field: 1}
    held = str(table.to_pylist()[0])
    assert ("core" in held) is (mode == "keep" or field != "brand_new")


PLANS = BY_NAME["plans"]


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ({"renewal_price": "ten"}, {"renewal_price"}),
        (
            {"renewal_price": {"amount": 10}, "billing_period": "x"},
            {"renewal_price", "billing_period"},
        ),
        ({"product": 12}, {"product__id"}),
        ({"created_at": "0001-01-01T00:00:00Z"}, {"created_at"}),
        ({"internal_notes": ["x"], "brand_new": 1, "renewal_price": "10.00000000001"}, set()),
    ],
)
def test_an_unreadable_value_counts_where_the_models_use_its_column(
    row: dict[str, Any], columns: set[str]
) -> None:
    _, findings = build({**row, "id": "plan_1"}, {"id": "plan_2"}, resource=PLANS)
    assert findings.unreadable == ({"plan_1": columns} if columns else {})


def test_unknown_fields_are_kept_under_their_path_and_counted() -> None:
    row = {"brand_new": [1], "user": {"id": "user_1", "age": 44}}
    table, findings = build(row, row, {"user": {"id": "user_2", "age": None}})
    assert json.loads(table[EXTRA].to_pylist()[0]) == {"brand_new": [1], "user__age": 44}
    assert table["user__id"].to_pylist() == ["user_1", "user_1", "user_2"]
    assert findings.unknown == {"brand_new": 2, "user__age": 3}
    assert not findings.unfit


def test_findings_of_several_batches_add_up() -> None:
    builder = RowTable(THINGS, COMPANY, NOW)
    for _ in range(3):
        builder.build([{"id": "x_1", "new": 1, "count": "x"}])
    assert (builder.findings.unknown, builder.findings.unfit) == ({"new": 3}, {"count": 3})
    both = Findings()
    both.add(builder.findings)
    both.add(builder.findings)
    assert (both.unknown, both.unfit) == ({"new": 6}, {"count": 6})


# The digest that tells a changed row from one that is as it was


def leaves() -> Iterator[dict[str, Any]]:
    """A row, once for each of its values changed."""
    yield {"id": "x_1", "amount": 10.44, "user": {"id": "u"}, "new": None}
    yield {"id": "x_1", "amount": 10.43, "user": {"id": "v"}, "new": None}
    yield {"id": "x_1", "amount": 10.43, "user": None, "new": None}
    yield {"id": "x_1", "amount": 10.43, "user": {"id": "u"}, "new": 1}
    yield {"id": "x_1", "amount": 10.43, "user": {"id": "u"}}
    yield {"id": "x_2", "amount": 10.43, "user": {"id": "u"}, "new": None}


ROW = {"id": "x_1", "amount": 10.43, "user": {"id": "u"}, "new": None}


def test_the_digest_does_not_depend_on_the_run_or_on_the_order_of_fields() -> None:
    reordered = dict(reversed(ROW.items()))
    later = RowTable(THINGS, COMPANY, datetime(2030, 1, 1, tzinfo=UTC)).build([reordered])
    assert later["_dlt_id"].to_pylist() == [digest(ROW)]


@pytest.mark.parametrize("changed", leaves())
def test_the_digest_changes_with_any_value(changed: dict[str, Any]) -> None:
    assert digest(changed) != digest(ROW)


INVOICES = BY_NAME["invoices"]


def invoice(pii: Pii, **values: Any) -> str:
    row = {"id": "inv_1", "status": "open", **values}
    table = RowTable(INVOICES, COMPANY, NOW, Privacy(pii, "key")).build([row])
    return str(table["_dlt_id"][0].as_py())


def test_what_is_dropped_is_not_in_the_digest_a_guess_would_be_confirmed_by() -> None:
    """Who has the warehouse could try addresses until the digest of one is that of the row."""
    one = invoice("drop", email_address="a@example.com", new_field="a@example.com")
    assert one == invoice("drop", email_address="b@example.com", new_field="b@example.com")
    assert one != invoice("drop", email_address="a@example.com", new_field=1)
    assert one != invoice("drop", status="paid", email_address="a@example.com")
    assert invoice("hash", email_address="a@x.y") != invoice("hash", email_address="b@x.y")
    assert invoice("keep", email_address="a@x.y") != invoice("keep", email_address="b@x.y")


def test_a_hidden_row_with_details_has_a_digest_of_two_halves() -> None:
    listed = {"id": "prod_1", "title": "T", "custom_cta": None}
    products = RowTable(BY_NAME["products"], COMPANY, NOW, Privacy("drop"))
    bare, whole = (
        str(products.build([row])["_dlt_id"][0].as_py())
        for row in ({"id": "prod_1", "title": "T"}, {**listed, "description": "D"})
    )
    assert (len(bare), len(whole)) == (20, 40)
    assert whole.startswith(bare)


def test_the_same_row_of_two_companies_has_two_digests() -> None:
    assert digest(ROW, "biz_b") != digest(ROW)


def test_a_column_of_a_later_release_makes_every_row_a_changed_one() -> None:
    later = Resource(
        name="things",
        path="/things",
        permissions=("thing:read",),
        changes="everything",
        columns={**THINGS.columns, "brand_new": "text"},
    )
    assert digest(ROW, resource=later) != digest(ROW)


def test_no_table_declares_a_column_for_a_secret() -> None:
    assert BY_NAME["apps"].secrets == ("api_key", "default_api_key", "preview_token", "secrets")
    assert BY_NAME["invoices"].secrets == ("fetch_invoice_token",)
    assert set(BY_NAME["files"].secrets) >= {"url", "upload_url", "upload_headers"}
    assert set(BY_NAME["payments"].secrets) == {"client_secret", "recovery_url"}
    assert BY_NAME["setup_intents"].secrets == ("client_secret",)
    for resource in RESOURCES:
        for name in resource.columns:
            assert name.split("__")[0] not in {"api_key", "secrets", "token"}, name
        assert not set(resource.secrets) & set(resource.columns)


@pytest.mark.parametrize(
    "given, kept",
    [
        ({"user": [{"id": "u", "secret_key": "s3cret"}]}, {"user": [{"id": "u"}]}),
        ({"label": {"text": "a", "apikey": "s3cret"}}, {"label": {"text": "a"}}),
        ({"count": "https://a.example/f?X-Amz-Signature=s3cret"}, {"count": None}),
        ({"plan": {"price": ["https://a.example/f?sig=s3cret", 1]}}, {"plan__price": [1]}),
    ],
)
def test_a_credential_in_what_does_not_fit_its_column_is_not_kept(
    given: dict[str, Any], kept: dict[str, Any]
) -> None:
    table, findings = build(given)
    (extra,) = table[EXTRA].to_pylist()
    assert json.loads(extra) == kept
    assert list(findings.unfit) == list(kept)
