"""The models of a bucket: built in a DuckDB file, equal to those of a file that was synced into."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from bucket_line import BucketLine, folder_line
from loading import Engine, Line, Row
from warehouse import Warehouse

from whop_elt.bucket_models import models_home
from whop_elt.destination import MARTS
from whop_elt.errors import NothingThere, SettingError
from whop_elt.run import locked_destination
from whop_simulator import Server

OF_THE_CLOCK = {"data_freshness", "restatements", "restatement_causes"}
"""Marts of when this machine has read and built what."""


def numbered(row: Row) -> str:
    """A row without the number of the load that a state was seen in."""
    return str({name: value for name, value in row.items() if name != "state_id"})


def marts(warehouse: Warehouse) -> list[str]:
    rows = warehouse.query(f"select table_name from duckdb_tables() where schema_name = '{MARTS}'")
    return sorted(row["table_name"] for row in rows)


@pytest.fixture
def line(run_into_folder: BucketLine, server: Server, tmp_path: Path) -> BucketLine:
    copy = folder_line(server, tmp_path)
    shutil.copytree(run_into_folder.warehouse.location, copy.warehouse.location)
    return copy


def test_a_run_into_a_bucket_builds_the_marts_that_a_database_has(
    run_into_folder: BucketLine, builds: Callable[[Engine], Line]
) -> None:
    database = builds("duckdb").warehouse
    work = run_into_folder.folder
    assert (work / "report.html").exists()
    assert (work / "whop-marts.duckdb").exists()
    ours = Warehouse("duckdb", str(work / "whop.duckdb"))
    assert marts(ours) == marts(database)
    for mart in set(marts(ours)) - OF_THE_CLOCK:
        found, wanted = (sorted(map(numbered, each.read(mart))) for each in (ours, database))
        assert found == wanted, mart
    assert len(ours.read("fct_payments")) > 100


def test_a_file_that_was_synced_into_is_not_written_over(
    line: BucketLine, builds: Callable[[Engine], Line], tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs.duckdb"
    shutil.copy(builds("duckdb").warehouse.location, theirs)
    before = theirs.read_bytes()
    with (
        line.at_work(),
        patch.dict(os.environ, {"DESTINATION__DUCKDB__CREDENTIALS": str(theirs)}),
        locked_destination("filesystem") as bucket,
        pytest.raises(SettingError, match="DESTINATION__DUCKDB__CREDENTIALS to another file"),
        models_home(bucket),
    ):
        pass
    assert theirs.read_bytes() == before


def test_nothing_is_built_of_an_empty_bucket(server: Server, tmp_path: Path) -> None:
    line = folder_line(server, tmp_path)
    with (
        line.at_work(),
        locked_destination("filesystem") as bucket,
        pytest.raises(NothingThere, match="`whop-elt sync` comes first"),
        models_home(bucket),
    ):
        pass
