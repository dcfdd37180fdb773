"""What a run did, table by table: the rows of `sync_runs`, and what the command line tells."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from dlt.common.data_types import TDataType
from dlt.common.schema.typing import TColumnSchema

Status = Literal["ok", "forbidden", "not_available", "failed"]
"""`forbidden`: the key lacks the table's permission; `not_available`: the account, or the version
of the API, does not have the list. The other tables are whole without either."""


@dataclass
class TableReport:
    """What one run did with one table of one company."""

    company_id: str
    table: str
    started_at: datetime
    """UTC, by the clock of this machine, as is `finished_at`."""
    mode: str = ""
    status: Status = "ok"
    finished_at: datetime | None = None
    requests: int = 0
    retries: int = 0
    rows_read: int = 0
    rows_new: int = 0
    rows_changed: int = 0
    rows_deleted: int = 0
    cursor_before: str | None = None
    cursor_after: str | None = None
    error: str | None = None
    unfinished: bool = False
    """Whether this was a part of a full pass that the next run goes on with."""
    resumed: bool = False
    """Whether it went on with a full pass that an earlier run, or part of this one, had begun."""
    unreadable: dict[str, int] = field(default_factory=dict)
    """Rows of the warehouse that have nothing in a column that the models use because what Whop has
    there cannot be read, by column: they are missing from a number."""
    notes: list[str] = field(default_factory=list)
    """What a person should know although nothing failed: unknown fields, a refused filter."""

    @property
    def unreadable_values(self) -> str | None:
        """Columns with unreadable values, and in how many rows: `paid_at (1), total (2)`."""
        counted = (f"{name} ({rows:,})" for name, rows in sorted(self.unreadable.items()))
        return ", ".join(counted) or None

    @property
    def seconds(self) -> float:
        """How long reading took."""
        return ((self.finished_at or self.started_at) - self.started_at).total_seconds()


def _ignore(table: str, rows: int) -> None:
    pass


@dataclass
class RunReport:
    """What one run did. `progress(table, rows)` is called with each page, from several threads."""

    run_id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    tables: list[TableReport] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    """Companies of which nothing could be read, and why."""
    refused: bool = False
    """Whether that was for the key or the company: a setting."""
    notices: dict[str, str] = field(default_factory=dict)
    """What Whop has said of the end of an operation, by operation: one line each."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Tables nobody has asked for by name that could not be read, by table and company, and why."""
    progress: Callable[[str, int], None] = _ignore

    def absorb(self, part: RunReport) -> None:
        """Count in what a further part of the same run did."""
        for table in part.tables:
            earlier = next(
                (
                    each
                    for each in self.tables
                    if (each.company_id, each.table) == (table.company_id, table.table)
                ),
                None,
            )
            if earlier is None:
                self.tables.append(table)
                continue
            for name in ("requests", "retries", "rows_read", "rows_new", "rows_changed"):
                setattr(earlier, name, getattr(earlier, name) + getattr(table, name))
            earlier.rows_deleted += table.rows_deleted
            earlier.status, earlier.error = table.status, table.error
            earlier.finished_at, earlier.cursor_after = table.finished_at, table.cursor_after
            earlier.unfinished = table.unfinished
            earlier.unreadable = table.unreadable
            earlier.notes.extend(note for note in table.notes if note not in earlier.notes)
        self.unread |= part.unread
        self.notices |= part.notices
        self.left_out |= part.left_out
        self.refused = self.refused or part.refused

    def records(self) -> list[dict[str, Any]]:
        """Rows for `sync_runs`."""
        return [
            {
                "run_id": self.run_id,
                "company_id": table.company_id,
                "table_name": table.table,
                "mode": table.mode,
                "status": table.status,
                "started_at": table.started_at,
                "finished_at": table.finished_at,
                "requests": table.requests,
                "retries": table.retries,
                "rows_read": table.rows_read,
                "rows_new": table.rows_new,
                "rows_changed": table.rows_changed,
                "rows_deleted": table.rows_deleted,
                "seconds": table.seconds,
                "cursor_before": table.cursor_before,
                "cursor_after": table.cursor_after,
                "error": table.error,
                "unreadable": table.unreadable_values,
                "notes": "; ".join(table.notes) or None,
            }
            for table in self.tables
        ]


def _hints(types: Mapping[TDataType, str]) -> dict[str, TColumnSchema]:
    return {
        name: {"name": name, "data_type": kind, "nullable": name not in {"run_id", "table_name"}}
        for kind, names in types.items()
        for name in names.split()
    }


SYNC_RUNS_COLUMNS = _hints(
    {
        "text": "run_id company_id table_name mode status cursor_before cursor_after error "
        "unreadable notes",
        "timestamp": "started_at finished_at",
        "bigint": "requests retries rows_read rows_new rows_changed rows_deleted",
        "double": "seconds",
    }
)
"""Columns of `sync_runs`, one row per run, company and table."""
