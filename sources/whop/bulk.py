"""The quick way from JSON rows to Arrow columns, for rows whose values are of the documented types.

Arrow reads thousands of rows at once, and is not as careful as this project must be: where it would
change a value, or where a value is not what is documented, this way is refused, and `schema.py`
goes value by value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .resources import ColumnType
from .values import (
    DECIMAL_PRECISION,
    DECIMAL_SCALE,
    FIRST_MOMENT,
    LAST_MOMENT,
    UNFIT,
    to_decimal,
    to_json,
)

ARROW_TYPES: Mapping[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "bool": pa.bool_(),
    "decimal": pa.decimal128(DECIMAL_PRECISION, DECIMAL_SCALE),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "json": pa.string(),
}

_UNITS = 10.0**DECIMAL_SCALE
_EXACT_BELOW = 1e6
"""Up to here a float is nearer to one multiple of the smallest unit than to any other."""

_FIRST, _LAST = (
    pa.scalar(moment, ARROW_TYPES["timestamp"]) for moment in (FIRST_MOMENT, LAST_MOMENT)
)

_OBJECT = {dict, type(None)}


class NotAsDocumented(Exception):
    """A value is not of its column's type, or Arrow would not keep it as it is."""


class BulkReader:
    """Reads many rows of one table at once.

    Args:
        columns: the table's documented columns and their types.
    """

    def __init__(self, columns: Mapping[str, ColumnType]) -> None:
        self._tree = nested(columns, lambda kind: kind)
        self._plain = _struct(self._tree)

    def read(
        self, rows: Sequence[Mapping[str, Any]]
    ) -> tuple[dict[str, pa.Array], dict[int, dict[str, Any]]]:
        """Return a column per documented field, and what else the rows hold, by row and path.

        Raises:
            NotAsDocumented: the rows have to be read value by value.
        """
        columns: dict[str, pa.Array] = {}
        extras: dict[int, dict[str, Any]] = {}
        try:
            self._read_node(self._tree, rows, "", columns, extras)
            _take_apart(pa.array(rows, self._plain), self._tree, "", columns)
        except (pa.ArrowException, *UNFIT) as error:
            raise NotAsDocumented from error
        return columns, extras

    def _read_node(
        self,
        node: Mapping[str, Any],
        records: Sequence[Mapping[str, Any] | None],
        prefix: str,
        columns: dict[str, pa.Array],
        extras: dict[int, dict[str, Any]],
    ) -> None:
        """Read what Arrow alone would get wrong, and what no column is declared for."""
        for number, record in enumerate(records):
            if record and not record.keys() <= node.keys():
                extra = extras.setdefault(number, {})
                extra |= {prefix + key: record[key] for key in record if key not in node}
        for key, kind in node.items():
            if kind in ("text", "bool", "timestamp"):
                continue
            values = [record.get(key) if record else None for record in records]
            if isinstance(kind, dict):
                if not set(map(type, values)) <= _OBJECT:
                    raise NotAsDocumented
                self._read_node(kind, values, f"{prefix}{key}__", columns, extras)
            else:
                columns[prefix + key] = _READERS[kind](values)


def nested(columns: Mapping[str, ColumnType], leaf: Callable[[ColumnType], Any]) -> dict[str, Any]:
    """Nest `user__id` back into the shape of the JSON; each column's type becomes its `leaf`."""
    tree: dict[str, Any] = {}
    for name, kind in columns.items():
        *parents, last = name.split("__")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = leaf(kind)
    return tree


def _struct(tree: Mapping[str, Any]) -> pa.DataType:
    """Arrow type of what Arrow reads without a slip: text, and what is text or nothing in JSON."""
    fields: list[tuple[str, pa.DataType]] = []
    for key, kind in tree.items():
        if isinstance(kind, dict):
            fields.append((key, _struct(kind)))
        elif kind in ("text", "bool", "timestamp"):
            fields.append((key, pa.bool_() if kind == "bool" else pa.string()))
    return pa.struct(fields)


def _take_apart(
    array: pa.StructArray, tree: Mapping[str, Any], prefix: str, columns: dict[str, pa.Array]
) -> None:
    # Not `array.field`: below an object that is null it has empty texts, and not nulls.
    for field, values in zip(array.type, array.flatten(), strict=True):
        kind = tree[field.name]
        if isinstance(kind, dict):
            _take_apart(values, kind, f"{prefix}{field.name}__", columns)
        else:
            columns[prefix + field.name] = read = values.cast(ARROW_TYPES[kind])
            if kind == "timestamp":
                ends = pc.min_max(read)
                too_late = pc.greater_equal(ends["max"], _LAST)
                if pc.or_(pc.less(ends["min"], _FIRST), too_late).as_py():
                    raise NotAsDocumented


def _integers(values: Sequence[Any]) -> pa.Array:
    if not set(map(type, values)) <= {int, type(None)}:
        raise NotAsDocumented
    return pa.array(values, ARROW_TYPES["bigint"])


def _decimals(values: Sequence[Any]) -> pa.Array:
    if not set(map(type, values)) <= {float, int, type(None)}:
        raise NotAsDocumented
    floats = pa.array(values, pa.float64())
    units = pc.round(pc.multiply(floats, _UNITS))
    is_small = pc.less(pc.abs(floats), _EXACT_BELOW)
    if not pc.all(
        pc.and_(is_small, pc.equal(pc.divide(units, _UNITS), floats)), min_count=0
    ).as_py():
        exact = [None if value is None else to_decimal(value) for value in values]
        return pa.array(exact, ARROW_TYPES["decimal"])
    whole = units.cast(pa.int64()).cast(pa.decimal128(DECIMAL_PRECISION, 0))
    # The same digits, read with the point nine places further left.
    return pa.Array.from_buffers(ARROW_TYPES["decimal"], len(whole), whole.buffers())


def _json_texts(values: Sequence[Any]) -> pa.Array:
    texts = [None if value is None else to_json(value) for value in values]
    return pa.array(texts, ARROW_TYPES["json"])


_READERS: Mapping[str, Callable[[Sequence[Any]], pa.Array]] = {
    "bigint": _integers,
    "decimal": _decimals,
    "json": _json_texts,
}
