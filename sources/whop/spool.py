"""The rows of one table on disk, until a run has read the table to its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from .client import Row
from .resources import Resource
from .schema import RowTable

BATCH_ROWS = 2_000
"""Rows per Arrow table that is built: they are held as Python objects until then."""

INDEX_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("id", "_dlt_id", "user__id", "member__id", "payment__id")]
)
"""What is kept in memory of every row of a run."""


@dataclass
class Spool:
    """Rows of one table on disk, in the order they were read, so that a run's memory stays flat.

    Nothing of it is loaded until the table was read to its end.
    """

    resource: Resource
    rows: RowTable
    path: Path
    index: list[pa.Table] = field(default_factory=list)
    """Per batch: id, digest and, where rows name them, user, member and payment."""
    refers_to: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Ids of other tables' rows that these rows name, by table."""
    newest: datetime | None = None
    """Newest `created_at`, UTC."""
    _buffer: list[Row] = field(default_factory=list)
    _writer: pa.ipc.RecordBatchFileWriter | None = None

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows in."""
        self._buffer.extend(rows)
        if len(self._buffer) >= BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is buffered."""
        if not self._buffer:
            return
        table = self.rows.build(self._buffer)
        self._buffer.clear()
        if self._writer is None:
            self._writer = pa.ipc.new_file(self.path, table.schema)
        for batch in table.to_batches():
            self._writer.write_batch(batch)
        missing = pa.nulls(table.num_rows, pa.string())
        columns = [
            table[name] if name in table.column_names else missing for name in INDEX_SCHEMA.names
        ]
        self.index.append(pa.table(columns, schema=INDEX_SCHEMA))
        for column, target in self.resource.refers_to.items():
            self.refers_to[target].update(pc.unique(table[column].drop_null()).to_pylist())
        if self.resource.created_at:
            newest = pc.max(table["created_at"]).as_py()
            self.newest = max((at for at in (self.newest, newest) if at), default=None)

    def read_ids(self) -> pa.ChunkedArray:
        """Ids of all rows, with repeats."""
        self.flush()
        return pa.chunked_array([part["id"].combine_chunks() for part in self.index], pa.string())

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows as they were written."""
        self.close()
        if self.path.exists():
            with pa.OSFile(str(self.path)) as source, pa.ipc.open_file(source) as reader:
                for number in range(reader.num_record_batches):
                    yield pa.Table.from_batches([reader.get_batch(number)])

    def close(self) -> None:
        """Write the rest and end the file."""
        self.flush()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
