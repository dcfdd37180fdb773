"""What plans were before the first sync, as a raw table that Spark reads."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ..plan_versions import COLUMNS, TABLE, read
from ..settings import plan_versions_path


@contextmanager
def given_tables(build: Path) -> Iterator[Mapping[str, Path]]:
    """Give the folder of the plans that a file tells of, by the name of their table.

    Without a file there is none, and the raw tables count as they are.

    Args:
        build: the folder of a build; what is laid into it goes with the block.

    Raises:
        SettingError: the setting or the file cannot be read.
    """
    path = plan_versions_path()
    if path is None:
        yield {}
        return
    folder = build / ".given"
    folder.mkdir()
    try:
        _write(path, folder / "given.parquet")
        yield {TABLE: folder}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, file: Path) -> None:
    """By way of DuckDB: types, and what is rounded, are then what they are on a database."""
    spelled = ", ".join(f"{column.name} {column.type}" for column in COLUMNS)
    places = ", ".join(["?"] * len(COLUMNS))
    with duckdb.connect() as connection:
        connection.execute(f"create table given ({spelled})")
        for version in read(path):
            values = [version[column.name] for column in COLUMNS]
            connection.execute(f"insert into given values ({places})", values)
        place = str(file).replace("'", "''")
        connection.execute(f"copy given to '{place}' (format parquet)")
