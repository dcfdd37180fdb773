"""The quick way from JSON to Arrow gives what going value by value gives, or is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from whop_simulator import Business
from whop_simulator.money import fees
from whop_source.bulk import BulkReader, NotAsDocumented
from whop_source.followers import fees_of
from whop_source.resources import RESOURCES, ColumnType, Resource
from whop_source.schema import EXTRA, Findings, RowTable

NOW = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS: dict[str, ColumnType] = {
    "id": "text",
    "name": "text",
    "count": "bigint",
    "total": "decimal",
    "paid": "bool",
    "created_at": "timestamp",
    "metadata": "json",
    "user__id": "text",
    "user__age": "bigint",
    "user__card__limit": "decimal",
    "user__card__tags": "json",
}
TABLE = Resource("things", "/things", (), COLUMNS, "everything")


def quick(rows: list[Any]) -> tuple[pa.Table, Findings]:
    """Built the quick way alone; refused rows are an error."""
    table = RowTable(TABLE, "biz_1", NOW)
    table._value_by_value = _never  # type: ignore[method-assign]
    return table.build(rows), table.findings


def slow(rows: list[Any]) -> tuple[pa.Table, Findings]:
    table = RowTable(TABLE, "biz_1", NOW)
    table._bulk.read = _refused  # type: ignore[method-assign]
    return table.build(rows), table.findings


def _parsed(text: pa.StringScalar) -> Any:
    return text.is_valid and orjson.loads(text.as_py())


def _never(rows: Any) -> Any:
    raise NotAsDocumented


def _refused(rows: Any) -> Any:
    raise NotAsDocumented


texts = st.text(max_size=5) | st.sampled_from(["", "2024-02-01T18:15:09.961Z", "10.43"])
numbers = (
    st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(-(10**7), 10**7, places=2).map(float)
    | st.sampled_from([0, -0.0, 1.0, 1.5, 0.1, 10.43, 999_999.999999999, 1e6, 0.1234567891, 2**53])
)
moments = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)).map(
    lambda at: at.isoformat() + "Z"
) | st.sampled_from(["2024-02-01", "2024-02-01T10:00:00+02:00", 1_700_000_000, "soon", ""])
anything = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda children: st.lists(children, max_size=2) | st.dictionaries(texts, children, max_size=2),
    max_leaves=4,
)


def some(values: Any) -> Any:
    """Mostly as documented."""
    return st.one_of(values, values, values, values, st.none(), anything)


rows = st.lists(
    st.fixed_dictionaries(
        {"id": texts},
        optional={
            "name": some(texts),
            "count": some(st.integers(-(2**63), 2**63 - 1)),
            "total": some(numbers),
            "paid": some(st.booleans()),
            "created_at": some(moments),
            "metadata": anything,
            "user": some(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "id": some(texts),
                        "age": some(st.integers(0, 99)),
                        "card": some(
                            st.fixed_dictionaries(
                                {},
                                optional={"limit": some(numbers), "tags": anything, "new": texts},
                            )
                        ),
                    },
                )
            ),
            "new": anything,
        },
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=500, deadline=None)
@given(rows)
@example([{"id": "1", "count": 1.0}])
@example([{"id": "1", "count": 1.5}])
@example([{"id": "1", "count": True}])
@example([{"id": "1", "total": True}])
@example([{"id": "1", "total": 0.1234567891}])
@example([{"id": "1", "total": 123456789012.43}])
@example([{"id": "1", "paid": 1}])
@example([{"id": "1", "created_at": "0000-01-01T00:00:00Z"}])
@example([{"id": "1", "created_at": "0001-01-01T00:00:00+01:00"}, {"id": "2"}])
@example([{"id": "1", "created_at": "9999-12-31T23:59:59-01:00"}])
@example([{"id": "1", "user": []}])
@example([{"id": "1", "user": [["id", "2"]]}])
@example([{"id": "1", "user": {}}, {"id": "2", "user": None}, {"id": "3"}])
@example([{"id": "1", "user": {"card": {"limit": 5}}}, {"id": "2"}])
@example([{"id": 7}])
def test_the_quick_way_gives_the_same_or_is_refused(given_rows: list[Any]) -> None:
    wanted, findings = slow(given_rows)
    try:
        table, found = quick(given_rows)
    except NotAsDocumented:
        return
    assert table.drop([EXTRA]).equals(wanted.drop([EXTRA])), (table.to_pylist(), wanted.to_pylist())
    assert [_parsed(each) for each in table[EXTRA]] == [_parsed(each) for each in wanted[EXTRA]]
    assert found == findings


# Times in Unix seconds, as one list of Legacy has them, are read the slow way.
# What is observed is a row or two a run, and what is charted is made of points here.
QUICK = [each for each in RESOURCES if not (each.unix_times or each.observes or each.charts)]


@pytest.mark.parametrize("resource", QUICK, ids=lambda resource: resource.name)
def test_rows_as_documented_are_read_the_quick_way(resource: Resource) -> None:
    business = Business(members=300, years=2)
    if resource.name == "payment_fees":
        paid = business.rows("payments")[:100]
        found = [row for each in paid for row in fees_of(each["id"], "1", fees(each, business))]
    else:
        ids = [row["id"] for row in business.rows(resource.name)[:500]]
        found = [resource.shape.read(business.row(resource.name, key)) for key in ids]
    assert found
    documented = orjson.loads(orjson.dumps(found))
    columns, _ = BulkReader(resource.columns).read(documented)
    assert columns.keys() == resource.columns.keys()


def test_a_field_nobody_has_seen_before_does_not_make_it_slow() -> None:
    row = {"id": "1", "colour": "red", "user": {"id": "2", "shoe": {"size": 44}}}
    table, findings = quick([row, {"id": "2"}])
    assert orjson.loads(table[EXTRA][0].as_py()) == {
        "colour": "red",
        "user__shoe": {"size": 44},
    }
    assert table[EXTRA][1].as_py() is None
    assert findings.unknown == {"colour": 1, "user__shoe": 1}


@pytest.mark.parametrize(
    "value",
    [10.43, 0.1, 999_999.99, 1_000_000.01, 15_000_000, 123_456_789_012.43, 0.00000001, -7.5, 0],
)
def test_amounts_stay_as_they_were_written(value: float) -> None:
    table, _ = quick([{"id": "1", "total": value}])
    assert (
        table["total"][0].as_py().normalize()
        == pa.scalar(str(value)).cast(pa.decimal128(38, 9)).as_py().normalize()
    )
