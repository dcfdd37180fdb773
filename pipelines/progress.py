"""How far a run has come: bars on a terminal; elsewhere a line every now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from whop_source import RunReport

SECONDS = 15.0
"""Time between two lines of a run that is not on a terminal."""


class Bars:
    """What a run tells of itself while it is at work; this one listens and shows nothing."""

    def reading(self, table: str, rows: int) -> None:
        """Count rows of a table that have been read; called from several threads."""

    def loading(self) -> None:
        """Reading is over."""

    def modelling(self, name: str, done: int, total: int) -> None:
        """A model or test begins."""


class _Terminal(Bars):
    """A bar each for the tables, the load and the models."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, Any] = {}
        # Until the first answer comes there is nothing else to see.
        self._asking = progress.add_task("ask Whop", total=None, counted=False)

    def reading(self, table: str, rows: int) -> None:
        if table not in self._tasks:
            self._tasks[table] = self._progress.add_task(f"read {table}", total=None)
            self._progress.update(self._asking, visible=False)
        self._progress.advance(self._tasks[table], rows)

    def loading(self) -> None:
        for task in self._progress.tasks:
            self._progress.update(task.id, total=task.completed)
        if "load" not in self._tasks:
            self._tasks["load"] = self._progress.add_task(
                "load into the warehouse", total=None, counted=False
            )

    def modelling(self, name: str, done: int, total: int) -> None:
        if "model" not in self._tasks:
            self._progress.update(self._asking, visible=False)
            if "load" in self._tasks:
                self._progress.update(self._tasks["load"], total=1, completed=1)
            self._tasks["model"] = self._progress.add_task("build and test the models")
        self._progress.update(self._tasks["model"], completed=done, total=total)


class _Lines(Bars):
    """One line every so often: what is at work, and how much of it is done."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._rows = 0
        self._doing: Callable[[], str] = self._read
        self._ended = threading.Event()
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._go, daemon=True)
        self._thread.start()

    def reading(self, table: str, rows: int) -> None:
        self._rows += rows

    def loading(self) -> None:
        self._doing = lambda: f"loading {self._rows:,} rows into the warehouse"

    def modelling(self, name: str, done: int, total: int) -> None:
        self._doing = lambda: f"building and testing the models, {done:,} of {total:,}"

    def end(self) -> None:
        """Say nothing more."""
        self._ended.set()
        self._thread.join()

    def _read(self) -> str:
        return f"reading, {self._rows:,} rows so far" if self._rows else "waiting for Whop"

    def _go(self) -> None:
        while not self._ended.wait(SECONDS):
            self._say(f"After {time.monotonic() - self._began:.0f} s: {self._doing()}")


class _Count(ProgressColumn):
    """How much is done, of what is counted."""

    def render(self, task: Task) -> Text:
        """Right-aligned, or blank."""
        return Text(f"{task.completed:>9,.0f}" if task.fields.get("counted", True) else " " * 9)


@contextmanager
def bars(
    report: RunReport, console: Console, say: Callable[[str], None], *, quiet: bool
) -> Iterator[Bars]:
    """Show how far the block has come.

    Args:
        report: of the run that is under way.
        console: where bars are drawn when it is a terminal.
        say: takes a line when it is none.
        quiet: show nothing.
    """
    if quiet:
        yield Bars()
        return
    if not console.is_terminal:
        lines = _Lines(say)
        report.progress = lines.reading
        try:
            yield lines
        finally:
            lines.end()
        return
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description:28}"),
        BarColumn(bar_width=24),
        _Count(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        shown = _Terminal(progress)
        report.progress = shown.reading
        yield shown
        for task in progress.tasks:
            progress.update(task.id, total=task.total or 1, completed=task.total or 1)
