"""Reads what Spark has built: the marts of the current build, and the raw tables beside them."""

from __future__ import annotations

from contextlib import AbstractContextManager

from whop_source.bucket import BucketError, local_client, was_loaded

from ..builds_reader import open_build
from ..errors import PipelineError
from ..reading import Reader
from .home import Home


def open_spark(home: Home, seconds: float, *, raw: bool) -> AbstractContextManager[Reader]:
    """Open a folder to read, also while a build, a run or a compaction is under way.

    The marts are those of one build. The raw tables are there where `whop-elt sync` has filled
    them, and are then the newest versions of the rows that count.

    Args:
        home: the folder.
        seconds: the most that a query may take.
        raw: whether the raw tables are to be read too.

    Raises:
        NothingThere: no build was ever finished.
        PipelineError: a file is damaged, or was replaced by a compaction meanwhile.
    """
    client = local_client(home.raw) if was_loaded(home.raw) else None
    return open_build(home.builds, client, _trouble, seconds, raw=raw)


def _trouble(error: BaseException) -> PipelineError | None:
    return PipelineError(str(error)) if isinstance(error, BucketError) else None
