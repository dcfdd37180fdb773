"""Remembers what was told: in the warehouse, and in a file while that is down."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime

from ..causes import first_line
from ..destination import WORK_FOLDER, Destination
from ..errors import NothingThere
from ..log import event
from .incident import Incident, Key

TABLE = "incidents"
"""Table of the raw dataset with every incident that was told of."""

STORED_IN = ("duckdb", "postgres")
"""Destinations that table is kept in; beside any other, and while these are down, it is a file."""


class Store:
    """The incidents somebody was told of: in the warehouse, and in a file while that is down."""

    def __init__(self, destination: Destination | None) -> None:
        self._destination = destination
        if destination is not None and destination.name not in STORED_IN:
            self._destination = None
        self._file = WORK_FOLDER / "incidents.json"

    def open(self) -> dict[Key, Incident]:
        """Incidents that are not over, by key."""
        found = {each.key: each for each in self._of_file()}
        if self._destination is None:
            return found
        try:
            _, rows = self._destination.query(
                f"select kind, subject, text, since, run_id from {self._table} "
                "where over_at is null"
            )
        except NothingThere:
            return found
        except Exception as error:
            event(f"Incidents cannot be read: {first_line(error)}", logging.WARNING)
            self._destination = None
            return found
        return found | {row[:2]: Incident(*row) for row in rows}

    def remember(self, new: Sequence[Incident], over: Sequence[Incident]) -> None:
        """Note what was told."""
        gone = {each.key for each in over}
        filed = [each for each in self._of_file() if each.key not in gone]
        if self._destination is None:
            filed += new
        else:
            try:
                self._store(self._destination, new, over)
            except Exception as error:
                event(f"Incidents cannot be stored: {first_line(error)}", logging.WARNING)
                filed += new
        if filed:
            WORK_FOLDER.mkdir(exist_ok=True)
            records = [asdict(each) for each in filed]
            self._file.write_text(json.dumps(records, default=str), encoding="utf-8")
        else:
            self._file.unlink(missing_ok=True)

    def _store(
        self, destination: Destination, new: Sequence[Incident], over: Sequence[Incident]
    ) -> None:
        now = datetime.now(UTC)
        with destination.session() as client:
            client.execute_sql(f"create schema if not exists {destination.pipeline.dataset_name}")
            client.execute_sql(
                f"create table if not exists {self._table} (kind varchar, subject varchar, "
                "text varchar, since timestamptz, run_id varchar, told_at timestamptz, "
                "over_at timestamptz)"
            )
            for each in new:
                client.execute_sql(
                    f"insert into {self._table} values (%s, %s, %s, %s, %s, %s, null)",
                    *(each.kind, each.subject, each.text, each.since, each.run_id, now),
                )
            for each in over:
                client.execute_sql(
                    f"update {self._table} set over_at = %s "
                    "where kind = %s and subject = %s and over_at is null",
                    *(now, each.kind, each.subject),
                )

    @property
    def _table(self) -> str:
        assert self._destination is not None
        return f"{self._destination.pipeline.dataset_name}.{TABLE}"

    def _of_file(self) -> list[Incident]:
        try:
            records = json.loads(self._file.read_text(encoding="utf-8"))
            found = [Incident(**record) for record in records]
            return [replace(each, since=datetime.fromisoformat(str(each.since))) for each in found]
        except (OSError, ValueError, TypeError):
            return []
