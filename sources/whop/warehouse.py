"""What the destination already holds of a company: asked before deciding what is new or gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from typing import Any

import orjson
import pyarrow as pa
from dlt.common.destination.exceptions import DestinationUndefinedEntity

from . import loads
from .planning import EVERYTHING, Range
from .resources import BY_NAME, ColumnType, Resource
from .schema import arrow_schema, column_types

Condition = tuple[str, Sequence[Any]]
"""SQL, and the values for the `%s` in it."""

_SQL_TYPES: Mapping[ColumnType, str] = {
    "bigint": "bigint",
    "bool": "boolean",
    "decimal": "decimal(38, 9)",
    "timestamp": "timestamp",
}
"""Types that a comparison needs a null to be of; all others are texts."""

_CHUNK = 20_000
_VALUES_PER_QUERY = 5_000

KNOWN_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("known_digest", pa.string()),
        ("known_deleted", pa.bool_()),
    ]
)


class Warehouse:
    """Reads the raw tables of one company through a dlt pipeline's own connection.

    A context: the connection is open inside the `with` block only.

    Args:
        pipeline: the dlt pipeline whose destination and dataset are read.
        company_id: the company.
        missing: columns that tables lack; a table that is not there has none.
    """

    def __init__(
        self,
        pipeline: Any,
        company_id: str,
        missing: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._company_id = company_id
        self._missing = missing or {}
        self._client: Any = None
        self._half_loaded: dict[str, set[str]] = {}
        self._unended: list[str] | None = None
        self._cursors = count(1)

    def __enter__(self) -> Warehouse:
        self._client = self._pipeline.sql_client().__enter__()
        self._unended = loads.unended(self._client, self._company_id)
        return self

    def __exit__(self, *exc: object) -> None:
        self._client.__exit__(*exc)

    def known(
        self,
        resource: Resource,
        ids: Sequence[str] | None = None,
        created: Sequence[Range] = EVERYTHING,
    ) -> pa.Table:
        """Return id, content digest and deletion of stored rows.

        A row of a load that never ended has neither: whatever it holds is to be written again, here
        and in the tables that follow from it.

        Args:
            resource: the table.
            ids: only these rows.
            created: only rows created in one of these ranges.
        """
        bounds = [] if tuple(created) == EVERYTHING else [_created_in(created)]
        among = None if ids is None else ("id", ids)
        half_loaded = self.half_loaded(resource)
        known = [KNOWN_SCHEMA.empty_table()]
        columns = ["id", "_dlt_id", "_whop_deleted_at"]
        for rows in self._select(resource, columns, bounds, among):
            ids_ = [row[0] for row in rows]
            digests = [None if row[0] in half_loaded else row[1] for row in rows]
            deleted = [row[2] is not None and row[0] not in half_loaded for row in rows]
            known.append(pa.table([ids_, digests, deleted], schema=KNOWN_SCHEMA))
        return pa.concat_tables(known)

    def half_loaded(self, resource: Resource) -> set[str]:
        """Return the ids of rows that a load has written which never ended: its run was killed."""
        if resource.name not in self._half_loaded:
            condition = self._of_no_ended_load()
            found: set[str] = set()
            if condition is not None:
                chunks = self._select(resource, ["id"], [condition])
                found = {row[0] for chunk in chunks for row in chunk}
            self._half_loaded[resource.name] = found
        return self._half_loaded[resource.name]

    def _of_no_ended_load(self) -> Condition | None:
        """The condition that a row is of a load that never ended; None when every load has.

        To look for such rows is to read a whole table, as no index helps. Mostly it is known that
        there are none.
        """
        if self._unended is None:
            return loads.of_none_that_ended(self._client), []
        if not self._unended:
            return None
        marks = ", ".join(["%s"] * len(self._unended))
        return f"_dlt_load_id in ({marks})", [*self._unended]

    def alive_in(
        self,
        resource: Resource,
        among: tuple[str, Sequence[str]] | None = None,
        outside: tuple[str, Sequence[str]] | None = None,
    ) -> set[str]:
        """Return the ids of rows that are not deleted.

        Args:
            resource: the table.
            among: a column, and the values of which it must have one.
            outside: a column, and the values of which it must have none; it may be null.
        """
        conditions: list[Condition] = [("_whop_deleted_at is null", [])]
        if outside is not None:
            column, values = self._client.escape_column_name(outside[0]), outside[1]
            marks = ", ".join(["%s"] * len(values))
            conditions.append((f"({column} is null or {column} not in ({marks}))", [*values]))
        rows = self._select(resource, ["id"], conditions, among=among)
        return {row[0] for chunk in rows for row in chunk}

    def columns(
        self, resource: Resource, *names: str, since: datetime | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Yield these columns of every row, or of those read since then (UTC)."""
        bounds: list[Condition] = [("_whop_synced_at >= %s", [since])] if since else []
        for chunk in self._select(resource, names, bounds):
            yield from chunk

    def payments_without_fees(
        self, limit: int, since: datetime | None = None
    ) -> tuple[list[tuple[str, str]], bool]:
        """Return payments whose fees, as of their stored version, were never read; oldest first.

        Args:
            limit: how many at most.
            since: fees that were read before (UTC) do not count.

        Returns:
            Id and version of each, and whether there are more.
        """
        payments = self._relation(BY_NAME["payments"])
        fees = self._relation(BY_NAME["payment_fees"])
        read_since = " and fees._whop_synced_at >= %s" if since else ""
        # Nothing is charged for what was never paid, or costs nothing.
        query = (
            f"select id, _dlt_id from {payments} as payments "
            "where company_id = %s and paid_at is not null and total > 0 "
            f"and not exists (select 1 from {fees} as fees where fees.payment__id = payments.id "
            f"and fees.payment_version = payments._dlt_id{read_since}) "
            f"order by created_at, id limit {limit + 1}"
        )
        try:
            values = [self._company_id, *filter(None, [since])]
            with self._client.execute_query(query, *values) as cursor:
                rows = cursor.fetchall()
        except DestinationUndefinedEntity:
            return [], False
        return [(row[0], row[1]) for row in rows[:limit]], len(rows) > limit

    def values(
        self, resource: Resource, column: str, updated_since: datetime | None = None
    ) -> set[str]:
        """Return the values of a text column, of all rows or of those updated since then (UTC)."""
        bounds: list[Condition] = [(f"{self._client.escape_column_name(column)} is not null", [])]
        if updated_since is not None:
            bounds.append(("updated_at >= %s", [updated_since]))
        rows = self._select(resource, [column], bounds, distinct=True)
        return {row[0] for chunk in rows for row in chunk}

    def rows(self, resource: Resource, ids: Sequence[str], deleted_at: datetime) -> pa.Table:
        """Return the stored rows with these ids, marked as deleted at `deleted_at` (UTC)."""
        stored = self.stored(resource, ids, arrow_schema(resource).names)
        for name in ("_whop_deleted_at", "_whop_synced_at"):
            field = stored.schema.field(name)
            marked = pa.array([deleted_at] * stored.num_rows, field.type)
            stored = stored.set_column(stored.schema.get_field_index(name), field, marked)
        return stored

    def stored(self, resource: Resource, ids: Sequence[str], names: Sequence[str]) -> pa.Table:
        """Return these columns of the stored rows with these ids."""
        every = arrow_schema(resource)
        schema = pa.schema([every.field(name) for name in names])
        kinds = column_types(resource)
        parts = [schema.empty_table()]
        for chunk in self._select(resource, names, among=("id", ids)):
            columns = dict(zip(names, map(list, zip(*chunk, strict=True)), strict=True))
            for name, values in columns.items():
                if kinds[name] == "json":
                    values[:] = [
                        value
                        if value is None or isinstance(value, str)
                        else orjson.dumps(value).decode()
                        for value in values
                    ]
                elif kinds[name] == "bool":
                    # MySQL has numbers for them.
                    values[:] = [None if value is None else bool(value) for value in values]
            parts.append(pa.table(columns, schema=schema))
        return pa.concat_tables(parts)

    def _select(
        self,
        resource: Resource,
        columns: Sequence[str],
        conditions: Sequence[Condition] = (),
        among: tuple[str, Sequence[str]] | None = None,
        *,
        distinct: bool = False,
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the company's rows in chunks; nothing when the table does not exist yet.

        Args:
            resource: the table.
            columns: what to select.
            conditions: all of which must hold.
            among: a column, and the values of which it must have one; a query for each few.
            distinct: leave out repeated rows.
        """
        escape = self._client.escape_column_name
        every: list[Condition] = [("company_id = %s", [self._company_id]), *conditions]
        query = (
            f"select {'distinct ' if distinct else ''}{', '.join(map(escape, columns))} "
            f"from {self._relation(resource)} as stored "
            f"where {' and '.join(condition for condition, _ in every)}"
        )
        fixed = [value for _, values in every for value in values]
        try:
            for values in [()] if among is None else batched(among[1], _VALUES_PER_QUERY):
                also = ""
                if among is not None:
                    also = f" and {escape(among[0])} in ({', '.join(['%s'] * len(values))})"
                with self._cursor(query + also, [*fixed, *values]) as cursor:
                    while rows := cursor.fetchmany(_CHUNK):
                        yield rows
        except DestinationUndefinedEntity:
            return

    @contextmanager
    def _cursor(self, query: str, values: Sequence[Any]) -> Iterator[Any]:
        """A cursor on the rows of a query, of which the client holds a chunk at a time."""
        if self._client.capabilities.sqlglot_dialect != "postgres":
            with self._client.execute_query(query, *values) as cursor:
                yield cursor
            return
        # psycopg2 fetches a result whole before the first row is asked for, unless the cursor is
        # one of the server's, which has a name.
        connection = self._client.native_connection
        cursor = connection.cursor(f"whop_{next(self._cursors)}", withhold=True)
        try:
            cursor.execute(query, values)
            yield cursor
            cursor.close()
        except Exception as error:
            # One that was never opened cannot be closed, and a broken one goes with the connection.
            raise self._client._make_database_exception(error) from error

    def _relation(self, resource: Resource) -> str:
        """The table; a column that it lacks is there, and null."""
        name: str = self._client.make_qualified_table_name(resource.name)
        missing = self._missing.get(resource.name)
        if not missing:
            return name
        kinds = column_types(resource)
        nulls = [
            f"cast(null as {_SQL_TYPES.get(kinds[column], 'varchar(1)')}) as "
            f"{self._client.escape_column_name(column)}"
            for column in missing
        ]
        return f"(select held.*, {', '.join(nulls)} from {name} as held)"


def _created_in(ranges: Sequence[Range]) -> Condition:
    """The condition that a row belongs to one of the ranges."""
    parts: list[str] = []
    values: list[datetime] = []
    for each in ranges:
        bounds = [("created_at >= %s", each.start), ("created_at < %s", each.end)]
        part = " and ".join(text for text, bound in bounds if bound is not None) or "true"
        values += [bound for _, bound in bounds if bound is not None]
        parts.append(part if each.end is not None else f"({part}) or created_at is null")
    return " or ".join(f"({part})" for part in parts).join("()"), values


def batched(values: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    """Yield the values in tuples of at most `size`."""
    for start in range(0, len(values), size):
        yield tuple(values[start : start + size])
