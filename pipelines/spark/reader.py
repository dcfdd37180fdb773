"""Reads what Spark has built, with DuckDB: the marts of the current build, and the raw tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import duckdb

from whop_source.bucket import BucketError, local_client, was_loaded

from ..destination import first_line
from ..errors import PipelineError
from ..names import DATASET
from ..reading import Reader, duckdb_reader
from .home import Home


@contextmanager
def open_spark(home: Home, seconds: float) -> Iterator[Reader]:
    """Open a folder to read, also while a build, a run or a compaction is under way.

    The marts are those of one build. The raw tables are there where `whop-elt sync` has filled
    them, and are then the newest versions of the rows that count.

    Args:
        home: the folder.
        seconds: the most that a query may take.

    Raises:
        NothingThere: no build was ever finished.
        PipelineError: a raw file that counts is damaged, or was replaced by a compaction meanwhile.
    """
    build = home.current
    with closing(home.connect(build)) as connection:
        folders = [build]
        if was_loaded(home.raw):
            folders.append(home.raw)
            _add_raw(home, connection)
        yield duckdb_reader(connection, str(home.folder), None, seconds, map(str, folders))


def _add_raw(home: Home, connection: Any) -> None:
    reading: Any = local_client(home.raw).sql_client
    try:
        reading.create_views(connection, DATASET)
    except BucketError as error:
        raise PipelineError(str(error)) from error
    except duckdb.Error as error:
        raise PipelineError(f"{home.raw} cannot be read: {first_line(error)}") from error
