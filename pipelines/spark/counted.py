"""Which raw files Spark is to read: of a folder that was synced into, those that count.

Spark reads a folder whole, and in one that `whop-elt sync` fills there is also what a killed run
has left, half a file among it, and what a compaction has replaced and not yet taken away. So a
build has folders of its own, with links to the files that count: whatever a run or a compaction
does meanwhile, what is read is of one moment.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from whop_source.bucket import BucketError, counted_files, was_loaded

from ..errors import NothingThere, PipelineError
from ..plan_versions import TABLE
from .raw import raw_tables

_LOOKS = 3
"""How often is looked what counts, when a compaction replaces it between looking and linking."""


@contextmanager
def counted_raw(raw: Path, build: Path) -> Iterator[Path]:
    """Give the folder with the raw tables as they are to be read.

    Args:
        raw: the folder with a folder of Parquet files for each raw table.
        build: the folder of a build; what is laid into it goes with the block.

    Raises:
        NothingThere: no load has ended.
        PipelineError: what counts was replaced again and again.
    """
    if not was_loaded(raw):
        yield raw
        return
    linked = build / ".raw"
    try:
        _link(raw, linked)
        yield linked
    finally:
        shutil.rmtree(linked, ignore_errors=True)


def _link(raw: Path, linked: Path) -> None:
    """Lay a link to each file that counts into a folder per table."""
    for look in range(1, _LOOKS + 1):
        shutil.rmtree(linked, ignore_errors=True)
        try:
            counts = counted_files(raw, (table for table, _ in raw_tables() if table != TABLE))
            if not any(counts.values()):
                raise NothingThere(
                    f"No load into {raw} has ended yet: `whop-elt sync` brings one to its end"
                )
            # Laid beside the tables by hand: no load writes it.
            counts[TABLE] = sorted((raw / TABLE).glob("*.parquet"))
            for table, files in counts.items():
                (linked / table).mkdir(parents=True)
                for file in files:
                    _lay(file, linked / table / file.name)
            return
        except (BucketError, FileNotFoundError) as error:
            if look == _LOOKS:
                raise PipelineError(
                    f"{raw} was compacted while its files were looked up: ask again"
                ) from error


def _lay(file: Path, place: Path) -> None:
    """A link that outlives the file's own name; where there are none, as between disks, a copy."""
    try:
        os.link(file, place)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(file, place)
