"""The folder of a business on Spark: its raw tables, and its builds, of which one counts.

    <home>/whop_raw/<table>/*.parquet
    <home>/builds/<id>/<schema>.db/<table>/*.parquet
    <home>/builds/<id>/remembered.json    tables that the next build begins with
    <home>/current        the id of the build that counts

A build is written beside those before it and becomes the current one by a rename, as its last
step: whoever reads has one build or the other, whole, and a build that is killed is only a folder
that the next one removes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ..errors import NothingThere, SettingError
from ..names import DATASET
from ..run_lock import run_lock

KEPT = 2
"""Builds that stay: the current one, and the one before it for whoever still reads it."""


_REMEMBERED = "remembered.json"


class Home:
    """The folder with the raw tables and the builds of a business.

    Args:
        folder: where it is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.raw = self.folder / DATASET
        self._builds = self.folder / "builds"
        self._current = self.folder / "current"

    @property
    def current(self) -> Path:
        """The folder of the build that counts.

        Raises:
            NothingThere: none was ever finished.
        """
        build = self._builds / self._name() if self._name() else None
        if build is None or not build.is_dir():
            raise NothingThere(
                f"No models are in {self.folder} yet: `whop-elt transform --engine spark` "
                "builds them"
            )
        return build

    @contextmanager
    def new_build(self) -> Iterator[Path]:
        """A folder for a build, which becomes the current one when `publish` is called.

        Raises:
            NothingThere: there are no raw tables.
            SettingError: the folder cannot be written to.
            Locked: another process builds there.
        """
        if not any(self.raw.glob("*/*.parquet")):
            raise NothingThere(f"Nothing is loaded into {self.raw} yet: it has no Parquet files")
        try:
            self._builds.mkdir(exist_ok=True)
            with run_lock(self.folder / "build.lock"):
                # Only now: nobody else builds here, so what is not current is old or was killed.
                self._remove_old()
                folder = self._builds / datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
                folder.mkdir()
                yield folder
        except PermissionError as error:
            raise SettingError(
                f"{error.filename} cannot be written: {error.strerror}. Set WHOP_ELT_SPARK_HOME to "
                "a folder that is yours"
            ) from error

    def remembered(self, build: Path) -> dict[tuple[str, str], Path]:
        """What the current build keeps of what builds have said, copied into a new one.

        Args:
            build: the folder of the new build, which adds to the copies.

        Returns:
            The folder of each table, by schema and name; none before the first build.
        """
        if not self._name():
            return {}
        copies = {}
        for schema, table in json.loads((self.current / _REMEMBERED).read_text("utf-8")):
            place = Path(f"{schema}.db") / table
            shutil.copytree(self.current / place, build / place)
            copies[schema, table] = build / place
        return copies

    def publish(self, build: Path, remembered: Sequence[tuple[str, str]] = ()) -> None:
        """Make this build the current one.

        Args:
            build: its folder.
            remembered: schema and name of each table that the next build begins with.
        """
        (build / _REMEMBERED).write_text(json.dumps([*remembered]), encoding="utf-8")
        fresh = self._current.with_suffix(".new")
        fresh.write_text(build.name, encoding="utf-8")
        fresh.replace(self._current)

    def connect(self, build: Path | None = None) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection in memory, with a view of each table of a build.

        Args:
            build: its folder; the current one without.

        Raises:
            NothingThere: no build was ever finished.
        """
        build = build or self.current
        connection = duckdb.connect()
        connection.execute("set timezone = 'UTC'")
        for database in sorted(build.glob("*.db")):
            connection.execute(f'create schema if not exists "{database.stem}"')
            for table in sorted(path for path in database.iterdir() if any(path.glob("*.parquet"))):
                files = f"{table}/*.parquet".replace("'", "''")
                connection.execute(
                    f'create view "{database.stem}"."{table.name}" as '
                    f"select * from read_parquet('{files}')"
                )
        return connection

    def _name(self) -> str:
        try:
            return self._current.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""

    def _remove_old(self) -> None:
        """Remove builds that were killed, and old ones; the current one and one more stay."""
        current = self._name()
        finished = sorted(path.name for path in self._builds.iterdir() if path.name <= current)
        for path in self._builds.iterdir():
            if path.name not in [*finished[-KEPT:], current]:
                shutil.rmtree(path)
