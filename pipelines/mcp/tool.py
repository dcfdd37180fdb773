"""What a tool is, before any protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]

LARGEST_ANSWER = 50_000
"""Bytes of JSON that one answer holds at most."""

MOST_ROWS = 200
"""Rows that one answer holds at most."""

QUESTION_SECONDS = 30.0
"""How long the warehouse may take for one question."""


class ToolFailed(Exception):
    """A call that went wrong in a way the caller can act on; the text is all that is shown."""


@dataclass(frozen=True)
class Tool:
    """One tool: what a client is told of it, and what it does."""

    name: str
    title: str
    text: str
    schema: Row
    """JSON schema of its arguments; what does not fit is refused before `call`."""
    call: Callable[[Row], Row]
    """Returns the answer, ready for JSON; raises `ToolFailed` or a `PipelineError`."""
    output: Row | None = None
    """JSON schema of the answer, where it has one form for good and bad."""
    changes: bool = False
    """Whether it can change something at Whop."""
    destructive: bool = False
    """Whether what it changes is gone: archived, or another value."""
    idempotent: bool = True
    """Whether to do it twice is to do it once."""
    at_whop: bool = False
    """Whether it speaks to Whop; else it reads the warehouse."""
    checks: bool = False
    """Whether `call` checks its arguments itself, in better words than a schema's."""
    failed: Callable[[Row], bool] = field(default=lambda answer: False)
    """Whether an answer tells of a failure."""
    refusal: Callable[[str], Row] = field(default=lambda says: {"error": says})
    """The answer that tells of a failure."""


def arguments(properties: Mapping[str, Row], *required: str) -> Row:
    """The schema of a tool's arguments: these properties, and no other."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }
