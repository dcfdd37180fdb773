"""The folder of a business on Spark: its raw tables, and its builds, of which one counts.

<home>/whop_raw/<table>/*.parquet
<home>/builds/, <home>/current    see `builds`
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ..builds import Builds
from ..builds_reader import add_views
from ..errors import NothingThere, SettingError
from ..names import BUILD_LOCK, DATASET
from ..run_lock import run_lock


class Home:
    """The folder with the raw tables and the builds of a business.

    Args:
        folder: where it is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.raw = self.folder / DATASET
        self.builds = Builds.in_folder(self.folder, "whop-elt transform --engine spark")

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
            with run_lock(self.folder / BUILD_LOCK):
                folder = Path(self.builds.path(self.builds.begin()))
                folder.mkdir(parents=True)
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
        copies = {}
        for (schema, table), files in self.builds.remembered().items():
            folder = build / f"{schema}.db" / table
            folder.mkdir(parents=True)
            for file in files:
                shutil.copy(file, folder)
            copies[schema, table] = folder
        return copies

    def publish(self, build: Path, remembered: Sequence[tuple[str, str]] = ()) -> None:
        """Make this build the current one.

        Args:
            build: its folder.
            remembered: schema and name of each table that the next build begins with.
        """
        self.builds.publish(build.name, remembered)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection in memory, with a view of each table of the current build.

        Raises:
            NothingThere: no build was ever finished.
        """
        build = self.builds.current
        connection = duckdb.connect()
        connection.execute("set timezone = 'UTC'")
        add_views(connection, self.builds.tables(build))
        return connection
