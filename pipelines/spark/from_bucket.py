"""The files of a bucket as tables of a server's metastore: those that count, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dlt.common.destination.exceptions import DestinationUndefinedEntity

from ..destination import open_destination
from ..errors import SettingError
from ..plan_versions import TABLE
from .raw import raw_tables
from .server import Session, spelled

_NONE = "no file counts"
"""A name that no file has: a table of which none is read."""


def lay_tables(session: Session, raw: str) -> None:
    """Make each raw table known to a server, as the files of the bucket that count now.

    What is in the schema of these names is replaced, if it only points to files.

    Args:
        session: to the server, which has to reach the bucket, or the folder, by itself.
        raw: the schema.

    Raises:
        NothingThere: no load has ended.
        SettingError: the schema has a table of such a name that holds its rows itself.
        PipelineError: the bucket does not answer, or was compacted meanwhile.
    """
    root, files = _counted()
    session.query(f"create schema if not exists {raw}")
    there = session.query(f"show table extended in {raw} like '*'")
    holding = sorted(
        name
        for _, name, _, about in there
        if name in files and "\nType: EXTERNAL\n" not in str(about)
    )
    if holding:
        raise SettingError(
            f"{raw}.{holding[0]} on the server holds rows of its own, which are not those of the "
            "bucket: set WHOP_ELT_RAW_SCHEMA to a schema for the bucket's files, or leave "
            "--destination out"
        )
    for table, columns in raw_tables():
        if table == TABLE:
            continue
        names = ",".join(files[table])
        columns_of = ", ".join(f"`{name}` {kind}" for name, kind in columns.items())
        session.query(f"drop table if exists {raw}.{table}")
        session.query(
            f"create table {raw}.{table} ({columns_of}) using parquet "
            f"options (pathGlobFilter {spelled(f'{{{names}}}' if names else _NONE)}) "
            f"location {spelled(f'{root}/{table}')}"
        )


def _counted() -> tuple[str, dict[str, list[str]]]:
    """Where the server finds the folder of the tables, and by table the names of its files."""
    bucket = open_destination("filesystem", reading=True)
    tables = [name for name, _ in raw_tables() if name != TABLE]
    try:
        with bucket.pipeline.sql_client() as reading:
            client: Any = reading
            found = {table: _files(client, table) for table in tables}
    except Exception as error:
        if trouble := bucket.trouble(error):
            raise trouble from error
        raise
    addresses = [address for files in found.values() for address in files]
    if not addresses:
        raise bucket.nothing_loaded()
    root = addresses[0].rsplit("/", 2)[0]
    return _as_spark_says(root), {
        table: [address.rsplit("/", 1)[1] for address in files] for table, files in found.items()
    }


def _files(client: Any, table: str) -> list[str]:
    try:
        files: list[str] = client.addresses(table)
    except (DestinationUndefinedEntity, FileNotFoundError):
        return []
    return files


def _as_spark_says(root: str) -> str:
    """Hadoop calls the file system of an S3 bucket s3a; s3 was one it does not have any more."""
    if "://" not in root:
        return Path(root).as_uri()
    return root.replace("s3://", "s3a://", 1)
