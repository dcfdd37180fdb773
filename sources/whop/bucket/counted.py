"""Which files of a bucket count: a load's once it has ended, and none that a compaction replaced.

dlt writes a file in `_dlt_loads` as the last act of a load, and the files of a load carry its id in
their names. So whatever a killed load has left, half a file among it, is never looked into. A
compaction writes all tables anew and then, in one file, that those count in place of the loads
before: until that file is there, nothing has happened.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.destinations.impl.filesystem.filesystem import FilesystemClient

LAYOUT = "{table_name}/{load_id}.{file_id}.{ext}"
"""Where dlt puts the files of a load: the id of the load can be read from the name."""

COMPACTIONS = "_whop_compactions"
"""Folder of the files that say what a compaction has replaced; the newest one counts."""

_SEPARATOR = "__"


@dataclass(frozen=True)
class Counted:
    """What counts of a dataset, as of one moment.

    Attributes:
        loads: ids of the loads that have ended.
        compaction: id of the newest compaction; empty when there was none.
        replaced: ids of the loads whose files that compaction has replaced.
        instead: by table, the file that counts in place of theirs, below the dataset's folder.
    """

    loads: frozenset[str]
    compaction: str = ""
    replaced: frozenset[str] = frozenset()
    instead: Mapping[str, str] = field(default_factory=dict)

    def of(self, table: str, there: Iterable[str]) -> list[str]:
        """The files of a table that count, of those that are there."""
        instead = self.instead.get(table)
        loads = self.loads - self.replaced
        return sorted(
            path
            for path in there
            # Release 0.1 wrote the log of runs as text, which is left alone.
            if path.endswith(".parquet")
            and (load_of(path) in loads or (instead and path.endswith(f"/{instead}")))
        )

    @staticmethod
    def is_compacted(path: str) -> bool:
        """Whether a compaction has written the file, be it one that counts or not."""
        return path.endswith(_COMPACTED)

    def left_over(self, path: str) -> bool:
        """Whether a compaction has replaced a file, which is there still."""
        if self.is_compacted(path):
            return not any(path.endswith(f"/{name}") for name in self.instead.values())
        return path.endswith(".parquet") and load_of(path) in self.replaced


_COMPACTED = ".compacted.parquet"


def compacted_name(table: str, compaction: str) -> str:
    """The file that a compaction makes of a table, below the dataset's folder."""
    return f"{table}/{compaction}{_COMPACTED}"


def load_of(path: str) -> str:
    """The id of the load that a file's name carries."""
    return path.rsplit("/", 1)[-1].rsplit(".", 2)[0]


def counted(client: FilesystemClient) -> Counted:
    """Read what counts at this moment.

    Raises:
        DestinationUndefinedEntity: nothing was ever loaded.
    """
    # The loads last: what a compaction has replaced had ended before.
    newest = newest_compaction(client)
    found: dict[str, Any] = {}
    if newest:
        path = client.pathlib.join(client.dataset_path, COMPACTIONS, f"{newest}.json")
        found = json.loads(client.fs_client.read_text(path, encoding="utf-8"))
    names = client.list_table_files(client.schema.loads_table_name)
    loads = frozenset(_stem(name).rsplit(_SEPARATOR, 1)[-1] for name in names)
    return Counted(
        loads, newest, frozenset(found.get("replaced", ())), dict(found.get("instead", {}))
    )


def newest_compaction(client: FilesystemClient) -> str:
    """The id of the newest compaction that counts; empty when there was none."""
    return max(map(_stem, compactions(client)), key=float, default="")


def compactions(client: FilesystemClient) -> list[str]:
    """Paths of the files that say what a compaction has replaced."""
    folder = client.pathlib.join(client.dataset_path, COMPACTIONS)
    try:
        paths = client.fs_client.ls(folder, detail=False)
    except FileNotFoundError:
        return []
    return [path for path in paths if path.endswith(".json")]


def ended_loads(client: FilesystemClient) -> frozenset[str]:
    """Ids of the loads that have ended; none when nothing was ever loaded."""
    try:
        return counted(client).loads
    except DestinationUndefinedEntity:
        return frozenset()


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
