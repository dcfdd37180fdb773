"""Log lines of a run: for people, or one JSON object a line for machines."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal

LogFormat = Literal["text", "json"]

logger = logging.getLogger("whop_elt")


class _JsonFormatter(logging.Formatter):
    """One object a line: time (UTC), level, event, and whatever the event carries."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        return json.dumps(line, default=str)


def set_up(log_format: LogFormat, *, quiet: bool) -> None:
    """Send the project's log to standard error; `quiet` keeps warnings and errors only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _JsonFormatter() if log_format == "json" else logging.Formatter("%(message)s")
    )
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.WARNING if quiet else logging.INFO)


def event(text: str, level: int = logging.INFO, **fields: object) -> None:
    """Log a line; the fields are in the JSON form only."""
    logger.log(level, text, extra={"fields": fields})
