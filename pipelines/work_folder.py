"""Folders for dlt's working files: each is a process's own, and none outlives it for long."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

_LEFT_BEHIND_SECONDS = 86_400
"""Age at which a working folder cannot be in use any more, where nothing better tells."""

_BEING_MADE_SECONDS = 5
"""Age below which a working folder may not be locked yet."""


def new_folder(parent: Path | None) -> Path:
    """An empty folder for dlt's working files, which goes when the process ends."""
    # dlt writes the paths of files into SQL as they are.
    if parent is not None and "'" in str(parent):
        parent = None
    if parent is not None:
        parent.mkdir(parents=True, exist_ok=True)
        for left in parent.iterdir():
            if _is_left_behind(left):
                shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix="whop-elt-", dir=parent))
    # The system drops this lock with the process, however that ends.
    with suppress(OSError):
        fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_SH)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _is_left_behind(folder: Path) -> bool:
    """Whether a folder is of a run that was killed: the rows that it had read are in there."""
    try:
        age = time.time() - folder.stat().st_mtime
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        # Whose it was has just taken it away.
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # A disk that has no locks.
        return age > _LEFT_BEHIND_SECONDS
    finally:
        os.close(descriptor)
    return age > _BEING_MADE_SECONDS
