"""The models of a bucket: built in a DuckDB file, equal to those of a file that was synced into."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from bucket_line import BucketLine, folder_line
from conftest import new_business
from loading import FAST, Engine, Line, Row
from warehouse import Warehouse

from whop_elt.bucket_models import models_home
from whop_elt.destination import MARTS
from whop_elt.errors import ExitCode, NothingThere, SettingError
from whop_elt.run import locked_destination, run
from whop_simulator import Server, serve
from whop_source import RunReport

OF_THE_CLOCK = {"data_freshness", "restatements", "restatement_causes"}
"""Marts of when this machine has read and built what."""


def numbered(row: Row) -> str:
    """A row without the number of the load that a state was seen in."""
    return str({name: value for name, value in row.items() if name != "state_id"})


def marts(warehouse: Warehouse) -> list[str]:
    rows = warehouse.query(f"select table_name from duckdb_tables() where schema_name = '{MARTS}'")
    return sorted(row["table_name"] for row in rows)


@pytest.fixture(scope="module")
def loaded_folder(tmp_path_factory: pytest.TempPathFactory) -> BucketLine:
    """A first load into a folder; only to be read."""
    with serve(new_business()) as server:
        line = folder_line(server, tmp_path_factory.mktemp("models"))
        line.sync()
        return line


@pytest.fixture
def line(loaded_folder: BucketLine, server: Server, tmp_path: Path) -> BucketLine:
    copy = folder_line(server, tmp_path)
    shutil.copytree(loaded_folder.warehouse.location, copy.warehouse.location)
    return copy


def test_a_run_into_a_bucket_builds_the_marts_that_a_database_has(
    line: BucketLine, builds: Callable[[Engine], Line]
) -> None:
    database = builds("duckdb").warehouse
    settings = {
        "api_key": line.server.api_key,
        "base_url": line.server.base_url,
        "company_id": line.business.company_id,
        **FAST,
    }
    with line.at_work():
        read_from, code = run("filesystem", RunReport(), page=Path("report.html"), **settings)
        assert code is ExitCode.OK
        assert read_from.location == str(Path.cwd() / "whop.duckdb")
        assert Path("report.html").exists()
        assert Path("whop-marts.duckdb").exists()
    ours = Warehouse("duckdb", read_from.location)
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
