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

MOST_UNREADABLE = 1_000
"""Unreadable rows of a table that are remembered."""


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
    """Position, user, member and payment of the rows that are new or changed, once settled."""
    kept: pa.Table | None = None
    """Of such rows that are stored: id, and the columns that this surface does not give."""
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

    def unreadable(self) -> dict[str, tuple[str, ...]]:
        """Rows of the table, stored or read now, with something unreadable the models use.

        A row that is as it was is not read again, but its value is missing still: it is known from
        run to run until it is read whole, or gone.
        """
        found = {
            key: tuple(sorted(names)) for key, names in self.spool.rows.findings.unreadable.items()
        }
        before = self.state.unreadable
        if before:
            over = pa.array([*before], pa.string())
            read = pc.is_in(over, value_set=self.spool.read_ids().combine_chunks())
            over = {*over.filter(read).to_pylist(), *self.gone}
            found |= {key: names for key, names in before.items() if key not in over | found.keys()}
        return dict(sorted(found.items())[:MOST_UNREADABLE])

    def changed_rows(self) -> Iterator[pa.Table]:
        """Yield the rows to load: new, changed, and gone."""
        assert self.to_load is not None and self.to_mark is not None
        wanted = self.to_load["position"].combine_chunks()
        start = 0
        waiting: list[pa.Table] = []
        for table in self.spool.tables():
            positions = pa.array(range(start, start + table.num_rows), pa.int64())
            start += table.num_rows
            waiting.append(self._with_kept(table.filter(pc.is_in(positions, value_set=wanted))))
            if sum(map(len, waiting)) >= YIELDED_ROWS:
                yield pa.concat_tables(waiting)
                waiting.clear()
        last = pa.concat_tables([*waiting, self.to_mark])
        if last.num_rows:
            yield last

    def _with_kept(self, rows: pa.Table) -> pa.Table:
        """The rows, with what is stored where this surface has nothing to say."""
        if self.kept is None or not rows.num_rows:
            return rows
        places = pc.index_in(rows["id"], value_set=self.kept["id"].combine_chunks())
        stored = self.kept.take(places.combine_chunks())
        for name in self.kept.column_names[1:]:
            number = rows.schema.get_field_index(name)
            filled = pc.coalesce(rows[name], stored[name])
            rows = rows.set_column(number, rows.schema.field(number), filled)
        return rows
