"""One table during a run: what was planned, read and found, and what is to be loaded of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from .planning import EVERYTHING, Plan, Range, TableState
from .resources import Resource
from .run_report import TableReport
from .spool import Spool

YIELDED_ROWS = 10_000
"""Rows per Arrow table that is yielded: dlt works out the table's schema anew for each."""


@dataclass
class TableRun:
    """One table during a run."""

    resource: Resource
    state: TableState
    plan: Plan
    spool: Spool
    report: TableReport
    known: pa.Table | None = None
    """Every row the warehouse has, when the table is read whole."""
    gone: list[str] = field(default_factory=list)
    """Ids that Whop no longer has."""
    to_load: pa.Table | None = None
    """Position, user and member of the rows that are new or changed, once settled."""
    to_mark: pa.Table | None = None
    """Stored rows of `gone`, marked."""
    covered: tuple[Range, ...] = EVERYTHING
    """Of a table that is read whole: what this run has read, of which a row it has not seen may be
    gone."""
    left: tuple[Range, ...] = ()
    """Of a full pass that is to be gone on with: what it has not read."""
    cleaned: int = 0
    more: bool = False
    """Whether objects are left for the next run."""
    next_state: TableState | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing has stopped the table."""
        return self.report.status == "ok"

    def changed_rows(self) -> Iterator[pa.Table]:
        """Yield the rows to load: new, changed, and gone."""
        assert self.to_load is not None and self.to_mark is not None
        wanted = self.to_load["position"].combine_chunks()
        start = 0
        waiting: list[pa.Table] = []
        for table in self.spool.tables():
            positions = pa.array(range(start, start + table.num_rows), pa.int64())
            start += table.num_rows
            waiting.append(table.filter(pc.is_in(positions, value_set=wanted)))
            if sum(map(len, waiting)) >= YIELDED_ROWS:
                yield pa.concat_tables(waiting)
                waiting.clear()
        last = pa.concat_tables([*waiting, self.to_mark])
        if last.num_rows:
            yield last
