"""The builds of a business, in a folder or a bucket: each a whole, and one of them counts.

    <folder>/builds/<id>/<schema>.db/<table>/*.parquet
    <folder>/builds/<id>/files.json         those files: who misses one says so
    <folder>/builds/<id>/remembered.json    tables that the next build begins with
    <folder>/current                        the id of the build that counts

A build is written beside those before it and becomes the current one with the last file that is
written, `current`: whoever reads has one build or the other, whole, and a build that is killed is
only files that the next one removes. One at a time builds: whoever calls holds a lock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

from .errors import NothingThere, PipelineError

KEPT = 2
"""Builds that stay: the current one, and the one before it for whoever still reads it."""

Table = tuple[str, str]
"""Schema and name."""

GONE = ("No files found that match", "No such file or directory", "FileNotFoundError")
"""What DuckDB says of a file that is not there, by itself or in the words of fsspec's client."""

DAMAGED = ("magic bytes", "too small to be a Parquet", "Parquet", "TProtocolException")
"""What it says of one that is no whole Parquet file."""

_ID = "%Y%m%dT%H%M%S%fZ"
_FILES = "files.json"
_REMEMBERED = "remembered.json"


class Builds:
    """The builds in a folder or a bucket.

    Args:
        files: fsspec's client of it.
        folder: the path, as that client has it.
        location: folder or address, for people.
        builder: the command that builds there, for people.
        protocol: what addresses begin with; `file` for a folder of this machine.
    """

    def __init__(
        self, files: Any, folder: str, location: str, builder: str, protocol: str = "file"
    ) -> None:
        self.location = location
        self.builder = builder
        self._files = files
        self._folder = folder.rstrip("/")
        self._protocol = protocol
        self._current = f"{self._folder}/current"

    @classmethod
    def in_folder(cls, folder: Path, builder: str) -> Builds:
        """Those in a folder of this machine."""
        return cls(LocalFileSystem(), str(folder), str(folder), builder)

    @property
    def is_local(self) -> bool:
        """Whether they are in a folder of this machine."""
        return self._protocol == "file"

    @property
    def current(self) -> str:
        """The id of the build that counts.

        Raises:
            NothingThere: none was ever finished.
        """
        if build := self._current_or_none():
            return build
        raise NothingThere(f"No models are in {self.location} yet: `{self.builder}` builds them")

    def path(self, build: str, *parts: str) -> str:
        """Where a build, or something in it, is, as fsspec's client has it."""
        return "/".join((self._folder, "builds", build, *parts))

    def address(self, build: str, *parts: str) -> str:
        """Where DuckDB finds it."""
        return self.address_of(self.path(build, *parts))

    def address_of(self, path: str) -> str:
        """Where DuckDB finds what is at a path of fsspec's client."""
        return path if self.is_local else f"{self._protocol}://{path}"

    def tables(self, build: str) -> Mapping[Table, list[str]]:
        """The addresses of the files of each table of a build that was published.

        Raises:
            PipelineError: not all of the build is there.
        """
        found: dict[Table, list[str]] = {}
        for file in self._read_json(build, _FILES):
            database, table, _ = file.split("/")
            key = database.removesuffix(".db"), table
            found.setdefault(key, []).append(self.address(build, file))
        return found

    def remembered(self) -> Mapping[Table, list[str]]:
        """What the next build begins with: the files of each such table of the current build.

        Raises:
            PipelineError: not all of the current build is there.
        """
        build = self._current_or_none()
        if build is None:
            return {}
        there = self.tables(build)
        tables = [(schema, table) for schema, table in self._read_json(build, _REMEMBERED)]
        return {table: there[table] for table in tables}

    def begin(self) -> str:
        """The id of a new build. What was killed is removed, and what is old.

        The current build and the one before it stay.
        """
        current = self._current_or_none() or ""
        there = self._ids()
        finished = sorted(build for build in there if build <= current)
        for build in there:
            if build not in finished[-KEPT:]:
                self._remove(build)
        moment = datetime.now(UTC)
        with suppress(ValueError):
            # Later than the current one, also on a machine whose clock is behind.
            after = datetime.strptime(current, _ID).replace(tzinfo=UTC) + timedelta(microseconds=1)
            moment = max(moment, after)
        return moment.strftime(_ID)

    def put(self, file: Path, build: str, table: Table) -> None:
        """Put a file of this machine's into a build, as all of a table."""
        schema, name = table
        folder = self.path(build, f"{schema}.db", name)
        if self.is_local:
            self._files.makedirs(folder, exist_ok=True)
        self._files.put_file(str(file), f"{folder}/part-0.parquet")

    def publish(self, build: str, remembered: Sequence[Table] = ()) -> None:
        """Make a build the current one.

        Args:
            build: its id.
            remembered: the tables that the next build begins with.
        """
        root = self.path(build)
        files = [
            relative
            for path in self._files.find(root)
            if (relative := path.removeprefix(f"{root}/")).endswith(".parquet")
            and relative.split("/")[0].endswith(".db")
        ]
        # Of a build whose tests have failed, a table may never have been made.
        kept = [
            (schema, table)
            for schema, table in remembered
            if any(file.startswith(f"{schema}.db/{table}/") for file in files)
        ]
        self._write(self.path(build, _REMEMBERED), json.dumps(kept))
        self._write(self.path(build, _FILES), json.dumps(sorted(files), indent=0))
        # With this file it counts.
        self._write(self._current, build)

    @staticmethod
    def is_not_whole(error: Exception) -> bool:
        """Whether an error of DuckDB's says that a file is not there, or damaged."""
        return any(words in str(error) for words in (*GONE, *DAMAGED))

    def not_whole(self, build: str, why: str) -> PipelineError:
        """The error that something of a build is not there, or not as it was written."""
        return PipelineError(
            f"The build {build} in {self.location} is not whole: {why}. Put it back from a copy, "
            f"or remove {self.location}/current, and with it what was told of closed months, and "
            f"`{self.builder}`"
        )

    def _current_or_none(self) -> str | None:
        try:
            return str(self._files.cat_file(self._current).decode().strip()) or None
        except FileNotFoundError as error:
            if "does not exist" in str(error):
                # There is not even a bucket.
                raise
            return None

    def _ids(self) -> list[str]:
        self._files.invalidate_cache()
        try:
            paths = self._files.ls(f"{self._folder}/builds", detail=False)
        except FileNotFoundError:
            return []
        return [path.rstrip("/").rsplit("/", 1)[-1] for path in paths]

    def _remove(self, build: str) -> None:
        if self.is_local:
            self._files.rm(self.path(build), recursive=True)
            return
        # One by one: not every bucket takes several at once.
        for path in self._files.find(self.path(build)):
            self._files.rm_file(path)

    def _read_json(self, build: str, name: str) -> Any:
        try:
            return json.loads(self._files.cat_file(self.path(build, name)))
        except FileNotFoundError as error:
            raise self.not_whole(build, f"it has no {name}") from error

    def _write(self, path: str, text: str) -> None:
        """Write a file that is there whole or not at all, as in a bucket every one is."""
        if not self.is_local:
            self._files.pipe_file(path, text.encode())
            return
        fresh = Path(f"{path}.new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
