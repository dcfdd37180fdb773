"""Sets the process up for many rows and private files: for whoever owns it, never by an import."""

from __future__ import annotations

import atexit
import gc
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_OWNER_ONLY = 0o077

_masks: list[int] = []
"""The masks of new files that were there before ours."""


def tune() -> None:
    """Set the garbage collector and Arrow's memory; before Arrow is imported."""
    # Arrow's own pool keeps what each of the walkers' threads has freed: 70 MB more at the peak.
    # Arrow looks here once, when it is imported.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # Rows are read as millions of small objects, none of them in a cycle. To look for cycles after
    # each 700 of them, and through all that was imported after each 70,000, as Python does, took
    # 6 % of a first load. Much more seldom must not be: httpx's answers, bodies included, are in
    # cycles.
    gc.set_threshold(2_000, 10, 100)


def open_closed_streams() -> None:
    """Point each standard stream that whoever started us has closed at nothing.

    What is written must not end the run, and no file of ours may come to be called 1 or 2.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115


def forgive_characters() -> None:
    """Print "?" for a character that the terminal's encoding does not have: no reason to end."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def end_as_interrupted() -> None:
    """Let what a scheduler or a closed terminal ends us with do as Ctrl-C does.

    By themselves these signals end a process where it is: without a word, and with the rows that a
    run has read left on the disk. What was told to ignore them (`nohup`) does; a second one ends
    the process at once.
    """

    def interrupt(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, interrupt)


def end_without_tidying() -> Callable[[Any], None]:
    """Let the process end, when all is said and closed, without giving back what it holds.

    dbt's project and dlt's schemas are 300,000 objects: to free each of them, for the system to
    take the memory away a moment later, takes a second and more of every run.

    To be called first: what is to be closed at the end is closed the other way round.

    Returns:
        To be told what `SystemExit` says; a process that ends otherwise ends as ever.
    """
    codes: list[Any] = []

    def end() -> None:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            # It cannot be written, or is closed: Python says so, and ends with a code of its own.
            return
        if codes and isinstance(codes[-1], int):
            os._exit(codes[-1])

    atexit.register(end)
    return codes.append


def end_at_once(*numbers: int) -> None:
    """Let these signals end the process where it is: a server loses nothing by that.

    One that waits for a line on standard input would hear of an interrupt with the next line only.
    """
    for number in numbers:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def private_files() -> Iterator[None]:
    """Make files that only their owner can read: warehouse and logs hold names and e-mails."""
    _masks.append(os.umask(_OWNER_ONLY))
    try:
        yield
    finally:
        os.umask(_masks.pop())


def usual_mask() -> int:
    """The mask of new files that is the user's own; for what is made to be handed on."""
    if _masks:
        return _masks[0]
    mask = os.umask(0)
    os.umask(mask)
    return mask
