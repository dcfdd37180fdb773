"""How long the command line takes to say something."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

from .ours import use_copy_of_duckdb
from .registry import Figures, group, measures
from .setting import Setting

COMMAND = str(Path(sys.executable).with_name("whop-elt"))

group(
    "start",
    "Starting the command line",
    "Wall-clock time of the whole process, the files being in the system's cache.",
    ["best, s", "median, s", "runs"],
)


@measures("start.help", "whop-elt --help")
def start_help(setting: Setting) -> Figures:
    """Start `whop-elt --help` several times."""
    return _start(setting, [COMMAND, "--help"])


@measures("start.status", "whop-elt status", needs=["warehouse_duckdb"])
def start_status(setting: Setting) -> Figures:
    """Start `whop-elt status` several times, on a DuckDB warehouse with everything in it."""
    use_copy_of_duckdb(setting, "warehouse_duckdb", "start.status")
    return _start(setting, [COMMAND, "status"])


@measures("start.dlt", "python -c 'import dlt'")
def start_dlt(setting: Setting) -> Figures:
    """What no command that opens the warehouse through dlt can be faster than."""
    return _start(setting, [sys.executable, "-c", "import dlt"])


@measures("start.python", "python -c pass")
def start_python(setting: Setting) -> Figures:
    """What no command in Python can be faster than."""
    return _start(setting, [sys.executable, "-c", "pass"])


def _start(setting: Setting, command: Sequence[str]) -> Figures:
    seconds = []
    # Once more than counted: the first start fills the system's cache.
    for _ in range(setting.sizes.starts + 1):
        started = perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ)
        seconds.append(perf_counter() - started)
    counted = seconds[1:]
    return {"best, s": min(counted), "median, s": median(counted), "runs": len(counted)}
