"""Turns Whop's JSON rows into Arrow tables of declared types, and keeps what does not fit them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import pyarrow as pa
from dlt.common.schema.typing import TColumnSchema

from .bulk import ARROW_TYPES, BulkReader, NotAsDocumented, nested
from .client import Row
from .credentials import looks_like_credential, without_credentials
from .modelled import MODELLED
from .privacy import KEEP, Privacy
from .resources import ColumnType, Resource
from .values import DECIMAL_PRECISION, DECIMAL_SCALE, READERS, UNFIT, to_json

EXTRA = "_whop_extra"
"""JSON column with the fields no column is declared for, and the values that do not fit theirs."""

_LOOKS_LIKE_AN_ID = re.compile(r"[A-Za-z0-9]+_[A-Za-z0-9]+")
"""Ids of Whop's: `user_…`, `plan_…`."""

DIGEST_LENGTH = 20
"""Letters of a digest; one of an object with details has twice as many."""

_OWN_COLUMNS: Mapping[str, ColumnType] = {
    "company_id": "text",
    "_whop_synced_at": "timestamp",
    "_whop_deleted_at": "timestamp",
    EXTRA: "json",
    # dlt's row id. Ours is a digest of the row's content, so that a row that has changed is told
    # from one that has not without reading it back.
    "_dlt_id": "text",
}


def column_types(resource: Resource) -> dict[str, ColumnType]:
    """Every column of the table: the documented ones, then those every table has."""
    return {**resource.columns, **_OWN_COLUMNS}


def arrow_schema(resource: Resource) -> pa.Schema:
    """Arrow schema of the table; only `id` and what we write ourselves is not nullable."""
    filled = {"id", "company_id", "_whop_synced_at", "_dlt_id"}
    return pa.schema(
        pa.field(name, ARROW_TYPES[kind], nullable=name not in filled)
        for name, kind in column_types(resource).items()
    )


def dlt_columns(resource: Resource, *, merged: bool = True) -> dict[str, TColumnSchema]:
    """Column hints for dlt: what Arrow's types cannot say, and the types for an empty table.

    Args:
        resource: the table.
        merged: whether an id is in the table once.
    """
    columns: dict[str, TColumnSchema] = {}
    for field_ in arrow_schema(resource):
        kind = column_types(resource)[field_.name]
        hint: TColumnSchema = {
            "name": field_.name,
            "data_type": kind,
            "nullable": field_.nullable,
        }
        if kind == "decimal":
            hint |= {"precision": DECIMAL_PRECISION, "scale": DECIMAL_SCALE}
        if field_.name == "id" and merged:
            # Postgres then has an index to merge by; DuckDB needs none. Said also where it is not
            # so, as dlt remembers what an earlier release has said.
            hint["unique"] = not resource.shared
        columns[field_.name] = hint
    return columns


@dataclass
class Findings:
    """What the rows held that the declared columns do not."""

    unknown: Counter[str] = field(default_factory=Counter)
    """Fields without a column, by path, with the number of rows that had them."""
    unfit: Counter[str] = field(default_factory=Counter)
    """Values that are not of their column's type, by column."""
    too_deep: Counter[str] = field(default_factory=Counter)
    """Fields nested too deep for any column, by name; kept as texts."""
    unreadable: dict[str, frozenset[str]] = field(default_factory=dict)
    """Rows in which a column that the models use is empty for that: the columns by id."""

    def add(self, other: Findings) -> None:
        """Count another table's findings in."""
        self.unknown.update(other.unknown)
        self.unfit.update(other.unfit)
        self.too_deep.update(other.too_deep)
        self.unreadable.update(other.unreadable)


class RowTable:
    """Builds Arrow tables of one resource for one company and run.

    Args:
        resource: the table.
        company_id: company whose rows these are.
        synced_at: start of the run, UTC.
        privacy: what becomes of personal data.
        made_anew: when the table, or a column of it, was found missing last (UTC).
    """

    def __init__(
        self,
        resource: Resource,
        company_id: str,
        synced_at: datetime,
        privacy: Privacy = KEEP,
        made_anew: datetime | None = None,
    ) -> None:
        self._resource = resource
        self._company_id = company_id
        self._synced_at = synced_at
        self._privacy = privacy
        self._schema = arrow_schema(resource)
        self._tree = nested(resource.columns, READERS.__getitem__)
        self._bulk = BulkReader(resource.columns)
        self._personal = () if privacy.mode == "keep" else resource.personal
        # A column that a later release adds, or that was made anew, must be filled, one that is
        # called personal hidden, and another privacy must take hold: each changes every row.
        columns = sorted(resource.columns.items())
        meaning: tuple[Any, ...]
        meaning = (company_id, columns, privacy.mode, privacy.key, sorted(self._personal))
        if made_anew is not None:
            meaning += (made_anew,)
        self._salt = hashlib.blake2b(repr(meaning).encode(), digest_size=8).digest()
        self.findings = Findings()

    def build(self, rows: Sequence[Row]) -> pa.Table:
        """Return the rows as one Arrow table, in their order.

        A field without a column, and a value that is not of its column's type, goes to
        `_whop_extra` under its path and is counted in `findings`; nothing is dropped.
        """
        if self._privacy.mode == "keep":
            try:
                digests = [self._digest(row) for row in rows]
            except UNFIT:
                rows = [self._shallow(row) for row in rows]
                digests = [self._digest(row) for row in rows]
        else:
            rows = [self._shallow(row) for row in rows]
        try:
            columns, extras = self._bulk.read(rows)
            for extra in extras.values():
                self.findings.unknown.update(extra.keys())
        except NotAsDocumented:
            columns, extras = self._value_by_value(rows)
        personal = {name: self._hidden(name, columns[name]) for name in self._personal}
        columns |= {name: pa.array(values, columns[name].type) for name, values in personal.items()}
        hidden = {number: self._privacy.hide(extra) for number, extra in extras.items()}
        if self._privacy.mode != "keep":
            # A digest of what is not loaded would let a guess of it be confirmed.
            digests = [
                self._digest(self._scrubbed(row, self._tree, "", number, personal, extras))
                for number, row in enumerate(rows)
            ]
        own: dict[str, list[Any]] = {
            "company_id": [self._company_id] * len(rows),
            "_whop_synced_at": [self._synced_at] * len(rows),
            "_whop_deleted_at": [None] * len(rows),
            EXTRA: [
                to_json(hidden[number]) if number in hidden else None for number in range(len(rows))
            ],
            "_dlt_id": digests,
        }
        columns |= {name: pa.array(own[name], self._schema.field(name).type) for name in own}
        return pa.table([columns[name] for name in self._schema.names], schema=self._schema)

    def _value_by_value(
        self, rows: Sequence[Row]
    ) -> tuple[dict[str, pa.Array], dict[int, dict[str, Any]]]:
        """Documented columns, and the rest by row and path."""
        lists: dict[str, list[Any]] = {name: [] for name in self._resource.columns}
        extras: dict[int, dict[str, Any]] = {}
        for number, row in enumerate(rows):
            values: dict[str, Any] = {}
            extra: dict[str, Any] = {}
            unfit = self._flatten(row, self._tree, "", values, extra)
            self.findings.unfit.update(unfit)
            used = frozenset(self._models_use(unfit))
            if used:
                self.findings.unreadable[row["id"]] = used
            if extra:
                extras[number] = extra
            for name, column in lists.items():
                column.append(values.get(name))
        return {
            name: pa.array(column, self._schema.field(name).type) for name, column in lists.items()
        }, extras

    def _flatten(
        self,
        record: Mapping[str, Any],
        tree: Mapping[str, Any],
        prefix: str,
        values: dict[str, Any],
        extra: dict[str, Any],
    ) -> list[str]:
        """Sort a row's values into columns and what is left; return where something did not fit."""
        unfit: list[str] = []
        for key, value in record.items():
            node = tree.get(key)
            path = prefix + key
            if node is None:
                self.findings.unknown[path] += 1
                extra[path] = value
            elif value is None:
                continue
            elif isinstance(node, dict):
                if isinstance(value, dict):
                    unfit += self._flatten(value, node, f"{path}__", values, extra)
                elif isinstance(value, str) and "id" in node and _LOOKS_LIKE_AN_ID.fullmatch(value):
                    values[f"{path}__id"] = value
                else:
                    unfit.append(path)
                    self._set_aside(path, value, extra)
            else:
                try:
                    values[path] = node(value)
                except UNFIT:
                    unfit.append(path)
                    self._set_aside(path, value, extra)
        return unfit

    @staticmethod
    def _set_aside(path: str, value: Any, extra: dict[str, Any]) -> None:
        """Keep what does not fit its column; a credential in it was looked for nowhere else."""
        extra[path] = None if looks_like_credential("", value) else without_credentials(value)

    def _models_use(self, unfit: Sequence[str]) -> list[str]:
        """Those of the columns, and of the columns below these objects, that the models use."""
        return [
            name
            for name in MODELLED.get(self._resource.name, ())
            if any(name == path or name.startswith(f"{path}__") for path in unfit)
        ]

    def _shallow(self, row: Row) -> Row:
        """The row, with fields that are nested too deep for JSON as texts."""
        shallow = {}
        for name, value in row.items():
            try:
                orjson.dumps(value)
            except UNFIT:
                self.findings.too_deep[name] += 1
                value = _deep_text(value)
            shallow[name] = value
        return shallow

    def _hidden(self, name: str, column: pa.Array) -> list[Any]:
        def hide(value: Any) -> Any:
            if self._resource.columns[name] == "json":
                return to_json(self._privacy.hide(orjson.loads(value)))
            return self._privacy.hide(value)

        return [None if value is None else hide(value) for value in column.to_pylist()]

    def _scrubbed(
        self,
        record: Mapping[str, Any],
        tree: Mapping[str, Any],
        prefix: str,
        number: int,
        personal: Mapping[str, Sequence[Any]],
        extras: Mapping[int, Mapping[str, Any]],
    ) -> Row:
        """A row, or an object in it, with what is loaded in place of what is personal."""
        found: Row = {}
        set_aside = extras.get(number, {})
        for key, value in record.items():
            path = prefix + key
            node = tree.get(key)
            if value is None:
                found[key] = None
            elif path in set_aside:
                found[key] = self._privacy.hide(value)
            elif isinstance(node, dict) and isinstance(value, dict):
                found[key] = self._scrubbed(value, node, f"{path}__", number, personal, extras)
            elif path in personal:
                found[key] = personal[path][number]
            else:
                found[key] = value
        return found

    def _digest(self, row: Row) -> str:
        """The content's digest; with what only the object shows in a half of its own."""
        details = self._resource.details
        shown = {name: row[name] for name in details if name in row}
        if not shown:
            return self._digest_of(row)
        listed = {name: value for name, value in row.items() if name not in details}
        return self._digest_of(listed) + self._digest_of(shown)

    def _digest_of(self, row: Row) -> str:
        content = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
        digest = hashlib.blake2b(content, digest_size=15, key=self._salt).digest()
        return base64.urlsafe_b64encode(digest).decode()


def _deep_text(value: Any) -> str:
    """A value that is nested too deep for a column, as a text."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return "nested too deep"
