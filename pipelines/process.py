"""Tunes the process for many rows; called by whoever owns the process, and never by an import."""

from __future__ import annotations

import gc
import os


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
