"""Raw tables as Parquet files, as a load into a folder leaves them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from warehouse import ARROW_TYPES, RAW_TABLES, Row, storable


def write_raw(home: Path, tables: Mapping[str, list[Row]], load: str = "1") -> None:
    """Rows as a load leaves them: a file for each table that has any."""
    for table, rows in tables.items():
        if not rows:
            continue
        columns = RAW_TABLES[table]
        unknown = {key for row in rows for key in row} - set(columns) - {"seconds"}
        assert not unknown, f"{table} has no column {unknown}"
        arrays = [
            pa.array([storable(row.get(name), kind) for row in rows], ARROW_TYPES[kind])
            for name, kind in columns.items()
        ]
        folder = home / "whop_raw" / table
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(arrays, names=list(columns)), folder / f"{load}.parquet")
