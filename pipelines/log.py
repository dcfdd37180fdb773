"""Log lines of a run: for people, or one JSON object a line for machines."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal

LogFormat = Literal["text", "json"]

logger = logging.getLogger("whop_elt")

_every_line: dict[str, object] = {}


class _Forward(logging.Handler):
    """Takes what a library logs into the project's log, so that all lines have one form."""

    def emit(self, record: logging.LogRecord) -> None:
        event(record.getMessage().strip(), record.levelno, logger=record.name)


class _JsonFormatter(logging.Formatter):
    """One object a line: time (UTC), level, event, and whatever the event carries."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
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
    _every_line.clear()
    logging.captureWarnings(True)
    for name in ("dlt", "py.warnings"):
        # dlt writes to the handler it finds, and makes one of its own only when there is none.
        library = logging.getLogger(name)
        library.handlers = [_Forward()]
        library.propagate = False


def bind(**fields: object) -> None:
    """Give these fields to every line that follows."""
    _every_line.update(fields)


def event(
    text: str, level: int = logging.INFO, *, traceback: bool = False, **fields: object
) -> None:
    """Log a line; the fields are in the JSON form only, the traceback of the error in both."""
    logger.log(level, text, extra={"fields": _every_line | fields}, exc_info=traceback)
