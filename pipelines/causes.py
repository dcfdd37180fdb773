"""What is under an error, and what it says in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what is under it: dlt wraps an error several times."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def root_cause(error: BaseException) -> BaseException:
    """The error at the bottom of dlt's wrappers, which repeat its text at length."""
    return list(causes(error))[-1]


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = (lines or [type(error).__name__])[0]
    if line.startswith("Traceback"):
        # DuckDB repeats what a client of ours has raised at length; the error itself comes last.
        line = next((each for each in reversed(lines) if re.match(r"[\w.]+: ", each)), line)
    # An error with a text alone is shown as that text by some, in quotes by others.
    return line[1:-1] if line[0] in "'\"" and line[0] == line[-1] and len(line) > 1 else line
