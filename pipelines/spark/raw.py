"""The raw tables as Spark is to read them: every column we know, whatever a file has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from whop_source import RESOURCES
from whop_source.run_report import SYNC_RUNS_COLUMNS
from whop_source.schema import column_types

from ..plan_versions import COLUMNS, TABLE

TYPES: Mapping[str, str] = {
    "text": "string",
    "bigint": "bigint",
    "bool": "boolean",
    "decimal": "decimal(38, 9)",
    "timestamp": "timestamp",
    "json": "string",
    "double": "double",
    "varchar": "string",
    "timestamp with time zone": "timestamp",
}
"""Types of the source, and of plans given by hand, by what Spark calls them."""


def raw_tables() -> Iterator[tuple[str, dict[str, str]]]:
    """Name and columns, with Spark's types, of each raw table.

    A column that a file of an older release does not have reads as null; one that we do not know is
    passed over. So Spark has to look into no file before the models are built.
    """
    for resource in RESOURCES:
        types = column_types(resource)
        columns = {name: TYPES[kind] for name, kind in types.items()} | {"_dlt_load_id": "string"}
        yield resource.name, columns
        if resource.states_table:
            yield resource.states_table, columns
    runs = {name: TYPES[str(hint["data_type"])] for name, hint in SYNC_RUNS_COLUMNS.items()}
    yield "sync_runs", runs | dict.fromkeys(("_dlt_load_id", "_dlt_id"), "string")
    yield TABLE, {column.name: TYPES.get(column.type, column.type) for column in COLUMNS}
