"""Opens a test's folder to other users of this machine."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

OTHERS_PASS = 0o001


def open_to_others(folder: Path) -> None:
    """Let others pass to a folder of pytest's: it keeps all of its folders to whoever runs it.

    How many there are above a test's own hangs on how many processes play.
    """
    closed = takewhile(
        lambda each: not each.stat().st_mode & OTHERS_PASS, (folder, *folder.parents)
    )
    for each in [*closed]:
        each.chmod(each.stat().st_mode | 0o711)
