"""What the destination already holds of a company: asked before deciding what is new or gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson
import pyarrow as pa
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from .resources import Resource
from .schema import arrow_schema, column_types

_CHUNK = 20_000
_VALUES_PER_QUERY = 500

KNOWN_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("known_digest", pa.string()),
        ("known_deleted", pa.bool_()),
        ("known_created_at", pa.timestamp("us", tz="UTC")),
    ]
)


class Warehouse:
    """Reads the raw tables of one company through a dlt pipeline's own connection.

    A context: the connection is open inside the `with` block only.

    Args:
        pipeline: the dlt pipeline whose destination and dataset are read.
        company_id: the company.
    """

    def __init__(self, pipeline: Any, company_id: str) -> None:
        self._pipeline = pipeline
        self._company_id = company_id
        self._client: Any = None

    def __enter__(self) -> Warehouse:
        self._client = self._pipeline.sql_client().__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._client.__exit__(*exc)

    def known(
        self,
        resource: Resource,
        ids: Sequence[str] | None = None,
        created: tuple[datetime | None, datetime | None] = (None, None),
    ) -> pa.Table:
        """Return id, content digest and deletion of stored rows.

        Args:
            resource: the table.
            ids: only these rows.
            created: only rows whose `created_at` (UTC) lies between these two, both included; None
                is no bound.
        """
        among = None if ids is None else ("id", ids)
        columns = ["id", "_dlt_id", "_whop_deleted_at"]
        if resource.created_at:
            columns.append("created_at")
        batches = [
            pa.table(
                [
                    [row[0] for row in rows],
                    [row[1] for row in rows],
                    [row[2] is not None for row in rows],
                    [row[3] if resource.created_at else None for row in rows],
                ],
                schema=KNOWN_SCHEMA,
            )
            for rows in self._select(resource, columns, among, created)
        ]
        return pa.concat_tables(batches) if batches else KNOWN_SCHEMA.empty_table()

    def alive_in(self, resource: Resource, statuses: Sequence[str]) -> set[str]:
        """Return the ids of rows that are not deleted and whose status is one of `statuses`."""
        columns, among = ["id", "_whop_deleted_at"], ("status", statuses)
        return {
            row[0]
            for rows in self._select(resource, columns, among)
            for row in rows
            if row[1] is None
        }

    def rows(self, resource: Resource, ids: Sequence[str], deleted_at: datetime) -> pa.Table:
        """Return the stored rows with these ids, marked as deleted at `deleted_at` (UTC)."""
        schema = arrow_schema(resource)
        kinds = column_types(resource)
        records: list[dict[str, Any]] = []
        for chunk in self._select(resource, schema.names, ("id", ids)):
            for values in chunk:
                record = dict(zip(schema.names, values, strict=True))
                for name, value in record.items():
                    if kinds[name] == "json" and value is not None and not isinstance(value, str):
                        record[name] = orjson.dumps(value).decode()
                record |= {"_whop_deleted_at": deleted_at, "_whop_synced_at": deleted_at}
                records.append(record)
        return pa.Table.from_pylist(records, schema=schema)

    def _select(
        self,
        resource: Resource,
        columns: Sequence[str],
        among: tuple[str, Sequence[str]] | None,
        created: tuple[datetime | None, datetime | None] = (None, None),
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the company's rows in chunks: all, or those `among` some values or `created` then.

        Yields nothing when the table does not exist yet.
        """
        client = self._client
        escape = client.escape_column_name
        query = (
            f"select {', '.join(map(escape, columns))} "
            f"from {client.make_qualified_table_name(resource.name)} "
            f"where {escape('company_id')} = %s"
        )
        fixed: list[Any] = [self._company_id]
        for bound, comparison in zip(created, (">=", "<="), strict=True):
            if bound is not None:
                query += f" and {escape('created_at')} {comparison} %s"
                fixed.append(bound)
        try:
            for values in [()] if among is None else batched(among[1], _VALUES_PER_QUERY):
                also = ""
                if among is not None:
                    also = f" and {escape(among[0])} in ({', '.join(['%s'] * len(values))})"
                with client.execute_query(query + also, *fixed, *values) as cursor:
                    while rows := cursor.fetchmany(_CHUNK):
                        yield rows
        except DatabaseUndefinedRelation:
            return


def batched(values: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    """Yield the values in tuples of at most `size`."""
    for start in range(0, len(values), size):
        yield tuple(values[start : start + size])
