"""One thing that is wrong, as it is told and remembered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["failed", "forbidden", "not_available", "unreadable", "stale", "test", "restated"]

Key = tuple[str, str]
"""Kind and subject: what makes it the same incident in the next run."""


@dataclass(frozen=True)
class Incident:
    """One thing that is wrong.

    Attributes:
        kind: what sort of thing.
        subject: what it is about: a step, a company, a company and a table, or a dbt test.
        text: what there is to say of it.
        since: when it was first seen or, of stale data, how old that is; UTC.
        run_id: the run that first saw it.
    """

    kind: Kind
    subject: str
    text: str
    since: datetime
    run_id: str

    @property
    def key(self) -> Key:
        """What makes it the same incident in the next run."""
        return self.kind, self.subject
