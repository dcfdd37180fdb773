"""Makes a warehouse one of an earlier release: its tables and columns, and what dlt knows of them.

What each release had is in tests/releases, written down when it was made, and kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from warehouse import RAW_TABLES

from whop_elt.destination import DATASET

Columns = Mapping[str, Sequence[str]]

RELEASES: Mapping[str, Columns] = {
    path.stem: {name: columns.split() for name, columns in json.loads(path.read_text()).items()}
    for path in sorted((Path(__file__).parent / "releases").glob("*.json"))
}


def drop(pipeline: Any, table: str, *columns: str) -> None:
    """Drop the table as by hand, or columns of it; nothing when it is not there."""
    with pipeline.sql_client() as client:
        for column in columns:
            client.execute_sql(f'alter table {DATASET}."{table}" drop column if exists "{column}"')
        if not columns:
            client.execute_sql(f'drop table if exists {DATASET}."{table}"')


def age(pipeline: Any, release: Columns) -> dict[str, list[str]]:
    """Take from a warehouse what the release did not have; return the columns, by table."""
    lacks = {
        table: [name for name in names if name not in release.get(table, ())]
        for table, names in RAW_TABLES.items()
    }
    schema = pipeline.default_schema.clone()
    for table, names in lacks.items():
        if table not in schema.tables:
            continue
        if table not in release:
            drop(pipeline, table)
            schema.tables.pop(table)
        elif names:
            drop(pipeline, table, *names)
            for name in names:
                schema.tables[table]["columns"].pop(name, None)
    schema._bump_version()
    with pipeline.sql_client() as client:
        client.execute_sql(f"delete from {DATASET}._dlt_version")
    with pipeline.destination_client() as client:
        client._update_schema_in_storage(schema)
    return {table: names for table, names in lacks.items() if names}
