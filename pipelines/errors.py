"""How a run can end, and the exit code of each ending."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """What the command line returns to cron."""

    OK = 0
    SETTING = 1
    """Usage, or a setting to change."""
    FAILED = 2
    PARTLY = 3
    """Loaded, but not all of it: a permission or a list is missing, or a value unreadable."""
    LOCKED = 4
    """Another run has the pipeline."""
    DATA_TEST_FAILED = 5
    """Loaded and modelled, but a dbt test found what must not be."""
    INTERRUPTED = 130
    """By Ctrl-C, as a shell has it: 128 and the number of the signal."""


class PipelineError(Exception):
    """A failure that a person can act on; the text says how, and is all that is shown."""

    exit_code = ExitCode.FAILED


class SettingError(PipelineError):
    """A setting is missing or wrong; the text names it."""

    exit_code = ExitCode.SETTING


class NothingThere(PipelineError):
    """What is asked for has not been loaded or built yet; the text says what does."""


class NoColumn(PipelineError):
    """A query names a column that a table does not have; the text is the database's."""


class NoFile(NothingThere):
    """There is no DuckDB file yet."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"There is no {path} yet: `whop-elt run` makes it")
        self.path = path


class Locked(PipelineError):
    """Another run of the same pipeline is under way."""

    exit_code = ExitCode.LOCKED


class DataTestFailed(PipelineError):
    """The models were built, but tests of theirs failed: those of these names."""

    exit_code = ExitCode.DATA_TEST_FAILED

    def __init__(self, text: str, tests: Sequence[str]) -> None:
        super().__init__(text)
        self.tests = tests


_OF_FOLDERS = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR, errno.ENOTDIR, errno.EEXIST}
)


_OF_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def of_room(error: OSError, file: Path | None = None) -> PipelineError | None:
    """What to do when the disk is full; None for other errors.

    Args:
        error: what was raised.
        file: what was to be written, where the error may name another file on the way there.
    """
    if error.errno not in _OF_ROOM:
        return None
    name = file or error.filename
    what = f"{name} cannot be written" if name else "The output has no room"
    return PipelineError(
        f"{what}: {error.strerror}. Make room and type it again; what was there before is as it was"
    )


def of_files(error: OSError) -> PipelineError | None:
    """What to change when a file cannot be written where a run works; None for other errors."""
    if full := of_room(error):
        return full
    if error.errno not in _OF_FOLDERS or error.filename is None:
        return None
    return SettingError(
        f"{error.filename} cannot be written: {error.strerror}. Run in a folder that is yours (was "
        "whop-elt started here by root, or by another user?)"
    )
