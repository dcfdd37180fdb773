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


def local_client(dataset: Path) -> Any:
    """A `BucketClient` of a folder on this machine, which needs no settings and no pipeline.

    Args:
        dataset: the folder with a folder for each table, which loads have filled.
    """
    bucket = Bucket(str(dataset.parent))
    return bucket.client(Schema("whop"), bucket.spec()._bind_dataset_name(dataset.name))


def counted_files(dataset: Path, tables: Iterable[str]) -> dict[str, list[Path]]:
    """The files that count, of these tables, all as of one moment. Nothing but names is read.

    Args:
        dataset: the folder with a folder for each table, which loads have filled.
        tables: names; of one that is not there no file counts.

    Raises:
        BucketError: a compaction has replaced files meanwhile.
    """
    client = local_client(dataset)
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
