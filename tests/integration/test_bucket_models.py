"""The models of a bucket: built in a DuckDB file, equal to those of a file that was synced into."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import duckdb
import pytest
from bucket_line import BucketLine, folder_line
from conftest import new_business
from loading import FAST, Engine, Line
from warehouse import Warehouse

from whop_elt.bucket_models import models_home
from whop_elt.destination import MARTS
from whop_elt.errors import ExitCode, NothingThere, SettingError
from whop_elt.run import locked_destination, run
from whop_elt.transform import transform
from whop_simulator import Server, serve
from whop_source import RunReport

OF_THE_CLOCK = {"data_freshness", "restatements", "restatement_causes"}
"""Marts of when this machine has read and built what."""


def marts(path: Path) -> list[str]:
    with duckdb.connect(path, read_only=True) as connection:
        rows = connection.execute(
            "select table_name from duckdb_tables() where schema_name = ?", [MARTS]
        ).fetchall()
    return sorted(name for (name,) in rows)


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


def test_the_marts_of_a_bucket_equal_those_of_a_database_and_follow_it(
    line: BucketLine, builds: Callable[[Engine], Line]
) -> None:
    database = builds("duckdb").warehouse
    with line.at_work():
        with locked_destination("filesystem") as bucket, models_home(bucket) as home:
            assert transform(home) > 100
            path = Path(home.location)
            assert path == Path.cwd() / "whop.duckdb"
        ours = Warehouse("duckdb", str(path))
        assert marts(path) == marts(Path(database.location))
        for mart in marts(path):
            if mart not in OF_THE_CLOCK:
                found, wanted = (sorted(map(str, each.read(mart))) for each in (ours, database))
                assert found == wanted, mart
        payments = len(ours.read("fct_payments"))

        line.server.advance(timedelta(days=5))
        settings = {
            "api_key": line.server.api_key,
            "base_url": line.server.base_url,
            "company_id": line.business.company_id,
            **FAST,
        }
        page = Path("report.html")
        read_from, code = run("filesystem", RunReport(), page=page, **settings)
        assert code is ExitCode.OK
        assert read_from.location == str(path)
        assert page.exists()
        assert Path("whop-marts.duckdb").exists()
        assert len(ours.read("fct_payments")) > payments


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
