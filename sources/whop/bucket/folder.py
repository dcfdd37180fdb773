"""Which files of a folder on this machine count, for who reads Parquet by himself."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.schema import Schema
from dlt.common.schema.typing import LOADS_TABLE_NAME

from .counted import counted
from .destination import Bucket


def was_loaded(dataset: Path) -> bool:
    """Whether a folder's tables are what loads have left: it says then which of them have ended.

    Where a database was copied into Parquet files, dlt's own table among them, it was not.
    """
    ended = dataset / LOADS_TABLE_NAME
    return ended.is_dir() and not any(ended.glob("*.parquet"))


def counted_files(dataset: Path, tables: Iterable[str]) -> dict[str, list[Path]]:
    """The files that count, of these tables, all as of one moment. Nothing but names is read.

    Args:
        dataset: the folder with a folder for each table, which loads have filled.
        tables: names; of one that is not there no file counts.

    Raises:
        BucketError: a compaction has replaced files meanwhile.
    """
    bucket = Bucket(str(dataset.parent))
    settings = bucket.spec()._bind_dataset_name(dataset.name)
    client: Any = bucket.client(Schema("whop"), settings)
    try:
        counts = counted(client)
    except DestinationUndefinedEntity:
        return {table: [] for table in tables}
    return {
        table: [Path(file) for file in client.files_of(table, counts)]
        if (dataset / table).is_dir()
        else []
        for table in tables
    }
