"""A line into a folder or a bucket, and what is in there read without the project's own code."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
import pyarrow.parquet as pq
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from loading import FAST, Line, Row, Table
from warehouse import Warehouse, comparable

from whop_elt.destination import DATASET, Destination, open_destination
from whop_elt.errors import ExitCode
from whop_elt.run import run
from whop_source import RunReport
from whop_source.resources import BY_NAME

URL = "DESTINATION__FILESYSTEM__BUCKET_URL"


@dataclass
class BucketWarehouse(Warehouse):
    """A folder or a bucket, read as the project reads it."""

    settings: Mapping[str, str] = field(default_factory=dict)
    """What must be in the environment besides the address."""
    _opened: Destination | None = None
    """Kept from question to question: to open one takes longer than to ask."""

    @contextmanager
    def set_up(self) -> Iterator[None]:
        """Be where dlt finds the bucket."""
        self.work.mkdir(exist_ok=True)
        with patch.dict(os.environ, {URL: self.location, **self.settings}), chdir(self.work):
            yield

    @contextmanager
    def opened(self) -> Iterator[Destination]:
        """The bucket, to read."""
        with self.set_up():
            if self._opened is None or not self._opened.pipeline.default_schema_name:
                self._opened = open_destination("filesystem", reading=True)
            yield self._opened

    def read_all(self, *tables: str) -> dict[str, list[Row]]:
        """Every row of these raw tables, as of one moment."""
        with self.opened() as destination, destination.pipeline.sql_client() as client:
            return {table: self._rows(client, f"select * from {table}") for table in tables}

    def query(self, sql: str) -> list[Row]:
        with self.opened() as destination, destination.pipeline.sql_client() as client:
            return self._rows(client, sql)

    @staticmethod
    def _rows(client: Any, sql: str) -> list[Row]:
        with client.execute_query(sql) as cursor:
            found = cursor.native_cursor
            names = [column[0] for column in found.description]
            kinds = [str(column[1]) for column in found.description]
            return [
                {
                    name: comparable(value, kind)
                    for name, value, kind in zip(names, row, kinds, strict=True)
                }
                for row in found.fetchall()
            ]


@dataclass
class BucketLine(Line):
    """The line into a folder or a bucket."""

    @contextmanager
    def at_work(self) -> Iterator[None]:
        assert isinstance(self.warehouse, BucketWarehouse)
        with self.warehouse.set_up(), chdir(self.folder):
            yield

    @property
    def bucket(self) -> BucketWarehouse:
        assert isinstance(self.warehouse, BucketWarehouse)
        return self.warehouse

    @property
    def dataset(self) -> Path:
        """The folder with the tables."""
        return Path(self.warehouse.location) / DATASET

    def files(self, table: str) -> list[Path]:
        """All files of a table, whether they count or not; the oldest first."""
        return sorted((self.dataset / table).glob("*"))

    def by_hand(self, table: str) -> Table:
        """The newest version of each row, by the files alone: whatever is loaded later counts.

        To be asked for where every load has ended and nothing was compacted.
        """
        kinds = BY_NAME[table].columns
        found: Table = {}
        for file in self.files(table):
            for row in pq.read_table(file).to_pylist():
                found[row["id"]] = {
                    name: orjson.loads(value) if value and kinds.get(name) == "json" else value
                    for name, value in row.items()
                }
        return found


def held(line: Line, *tables: str) -> dict[str, list[Row]]:
    """Rows of these tables as a reader has them, without what numbers the loads."""
    warehouse = line.warehouse
    if isinstance(warehouse, BucketWarehouse):
        read = warehouse.read_all(*tables)
    else:
        read = {table: warehouse.read(table, schema=DATASET) for table in tables}
    return {
        table: sorted(
            ({k: v for k, v in row.items() if k != "_dlt_load_id"} for row in rows),
            key=lambda row: (row["id"], row["_whop_synced_at"], row["_dlt_id"]),
        )
        for table, rows in read.items()
    }


def run_to_the_end(line: BucketLine) -> Destination:
    """Sync, build and publish from the line's folder as `run` does, and write the report there.

    Returns:
        Where the models were built.
    """
    settings = {
        "api_key": line.server.api_key,
        "base_url": line.server.base_url,
        "company_id": line.business.company_id,
        **FAST,
    }
    with line.at_work():
        home, code = run("filesystem", RunReport(), page=Path("report.html"), **settings)
    # Who reads the file opens it with other settings than who builds in it.
    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    assert code is ExitCode.OK
    return home


def folder_line(server: Any, folder: Path, name: str = "bucket") -> BucketLine:
    """A line into an empty folder."""
    warehouse = BucketWarehouse("filesystem", str(folder / name), work=folder / "work")
    (folder / "work").mkdir(exist_ok=True)
    return BucketLine(warehouse, server, folder / "work")
