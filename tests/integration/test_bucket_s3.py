"""A bucket, spoken to as S3: moto's server answers on this machine."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import chdir
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bucket_line import BucketLine, BucketWarehouse, held, run_to_the_end
from conftest import FirstLoads, NewWarehouse
from loading import FAST, TABLES, Line
from s3_server import CREDENTIALS, new_bucket, s3_client, s3_key, s3_settings
from warehouse import Warehouse

from whop_elt.ask import ask
from whop_elt.check import check
from whop_elt.destination import DATASET
from whop_elt.errors import ExitCode, Locked, PipelineError, SettingError
from whop_elt.run import locked_destination, sync
from whop_elt.status import read_status
from whop_simulator import Server
from whop_source import RunReport
from whop_source.bucket import compact
from whop_source.surface import LEGACY

NO_KEYS = {
    # Nothing of this machine's is to help.
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


@pytest.fixture
def s3(endpoint: str) -> Any:
    return s3_client(endpoint)


@pytest.fixture
def line(endpoint: str, server: Server, tmp_path: Path) -> BucketLine:
    """A line into an empty bucket."""
    warehouse = BucketWarehouse(
        "filesystem", new_bucket(endpoint), work=tmp_path, settings=s3_settings(endpoint)
    )
    return BucketLine(warehouse, server, tmp_path)


def objects(s3: Any, line: BucketLine, table: str = "") -> list[str]:
    """Keys below the dataset's folder; of the one table."""
    bucket, folder = line.warehouse.location.removeprefix("s3://").split("/")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=f"{folder}/{DATASET}{f'/{table}/' if table else ''}"
    )
    return [each["Key"] for page in pages for each in page.get("Contents", ())]


def test_a_bucket_holds_what_a_database_does_run_after_run_and_compacted(
    line: BucketLine,
    s3: Any,
    first_loads: FirstLoads,
    new_location: NewWarehouse,
    tmp_path: Path,
) -> None:
    original = first_loads("duckdb", LEGACY).line.warehouse
    work = tmp_path / "database"
    work.mkdir()
    copy = Warehouse("duckdb", new_location("duckdb", original.location), work=work)
    database = Line(copy, line.server, work)
    assert line.sync().code is ExitCode.OK
    assert held(line, *TABLES) == held(database, *TABLES)

    line.server.advance(timedelta(days=3))
    for table in ("payments", "plans"):
        line.business.remove(table, line.business.rows(table)[0]["id"])
    for each in (line, database):
        assert each.sync(full=True).code is ExitCode.OK
    assert held(line, *TABLES) == held(database, *TABLES)
    assert len(objects(s3, line, "payments")) == 2

    with line.bucket.opened() as destination:
        found = read_status(destination)
        assert {table["status"] for table in found["tables"]} == {"ok"}
        assert found["missing"] == []
        assert destination.location == f"{line.warehouse.location}/{DATASET}"
        client: Any = destination.pipeline.destination_client()
        done = compact(client)
    assert done.rows < done.versions
    for table in (*TABLES, "sync_runs"):
        assert len(objects(s3, line, table)) == 1, table
    assert held(line, *TABLES) == held(database, *TABLES)

    line.server.advance(timedelta(days=1))
    for each in (line, database):
        assert each.sync().code is ExitCode.OK
    assert held(line, *TABLES) == held(database, *TABLES)


def test_a_run_publishes_in_the_bucket_what_one_into_a_folder_does(
    line: BucketLine, run_into_folder: BucketLine, tmp_path: Path
) -> None:
    run_to_the_end(line)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    answered = []
    for each in (run_into_folder, line):
        with each.at_work(), chdir(elsewhere):
            questions = ("the-month-in-numbers", "where-growth-comes-from")
            answered.append([ask("filesystem", name).rows for name in questions])
    assert not list(elsewhere.iterdir())
    assert answered[0] == answered[1]
    assert all(answered[0])


# The lock


def test_a_second_run_is_told_who_has_the_bucket_and_the_lock_goes_with_the_run(
    line: BucketLine, s3: Any
) -> None:
    with line.at_work():
        with locked_destination("filesystem") as destination:
            destination.still_locked()
            Path(".whop-elt/lock").rename("elsewhere")
            with (
                pytest.raises(
                    Locked, match=r"process \d+ on .*, since .* UTC holds .*whop_raw\.lock"
                ),
                locked_destination("filesystem"),
            ):
                pass
            destination.still_locked()
        assert objects(s3, line) == []
        with locked_destination("filesystem"):
            pass


def test_the_lock_of_a_run_that_gives_no_sign_of_life_is_taken_over_and_it_loads_nothing(
    line: BucketLine, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whop_elt.bucket_lock.DEAD_SECONDS", 0.0)
    settings = {"api_key": line.server.api_key, "base_url": line.server.base_url, **FAST}
    with line.at_work(), locked_destination("filesystem") as slow:

        def overtaken() -> None:
            Path(".whop-elt/lock").rename("elsewhere")
            with locked_destination("filesystem") as next_one:
                next_one.still_locked()

        with pytest.raises(PipelineError, match=r"lock on s3://.* is lost, and another run may"):
            sync(slow, RunReport(), loading=overtaken, **settings)
    assert not objects(s3, line, "payments")


def test_a_run_gives_signs_of_life(line: BucketLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whop_elt.bucket_lock.RENEWED_SECONDS", 0.2)
    monkeypatch.setattr("whop_elt.bucket_lock.DEAD_SECONDS", 2.5)
    with line.at_work(), locked_destination("filesystem") as destination:
        threading.Event().wait(4)
        Path(".whop-elt/lock").rename("elsewhere")
        with pytest.raises(Locked), locked_destination("filesystem"):
            pass
        destination.still_locked()


# What is not as it must be


@pytest.mark.parametrize(
    ("wrong", "code", "says"),
    [
        ({"bucket": "s3://no-such-bucket/x"}, ExitCode.SETTING, "BUCKET_URL"),
        ({"keys": "none"}, ExitCode.SETTING, f"{CREDENTIALS}AWS_ACCESS_KEY_ID"),
        ({"endpoint": "http://127.0.0.1:9"}, ExitCode.FAILED, f"{CREDENTIALS}ENDPOINT_URL"),
    ],
    ids=["no bucket", "no key", "nobody there"],
)
def test_what_is_wrong_with_a_bucket_is_one_line(
    line: BucketLine, wrong: dict[str, str], code: ExitCode, says: str
) -> None:
    warehouse = line.bucket
    warehouse.location = wrong.get("bucket", warehouse.location)
    settings = {**warehouse.settings}
    if "keys" in wrong:
        settings = {name: value for name, value in settings.items() if "KEY" not in name} | NO_KEYS
    if "endpoint" in wrong:
        settings[f"{CREDENTIALS}ENDPOINT_URL"] = wrong["endpoint"]
    warehouse.settings = settings
    with (
        line.at_work(),
        pytest.raises(PipelineError) as ended,
        locked_destination("filesystem"),
    ):
        pass
    assert ended.value.exit_code is code, ended.value
    assert "\n" not in str(ended.value)
    assert says in str(ended.value)
    assert "secret" not in str(ended.value).replace("secrets.toml", "")


def test_a_bucket_of_another_kind_is_told_what_it_can_be(line: BucketLine) -> None:
    line.bucket.settings = {}
    line.bucket.location = "gs://shop/warehouse"
    with line.at_work(), pytest.raises(SettingError) as ended, locked_destination("filesystem"):
        pass
    assert str(ended.value) == (
        "DESTINATION__FILESYSTEM__BUCKET_URL is gs://shop/warehouse; it looks like "
        "s3://bucket/folder, or the path of a folder"
    )


def test_a_library_that_is_not_there_is_named(
    line: BucketLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(protocol: str) -> None:
        raise ImportError(f"Install s3fs to access {protocol}")

    storage = sys.modules["dlt.common.storages.fsspec_filesystem"]
    monkeypatch.setattr(storage, "get_filesystem_class", missing)
    with line.at_work(), pytest.raises(SettingError) as ended, locked_destination("filesystem"):
        pass
    assert "pip install 'whop-elt[bucket]'" in str(ended.value)
    assert "\n" not in str(ended.value)


@pytest.fixture
def reader(endpoint: str) -> Iterator[dict[str, str]]:
    """A key that may list and read."""
    with s3_key(endpoint, {"Action": ["s3:List*", "s3:Get*"], "Resource": "*"}) as keys:
        yield keys


def test_a_bucket_that_may_be_read_alone_is_said_by_check_and_by_a_run(
    line: BucketLine, reader: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line.bucket.settings = {**line.bucket.settings, **reader}
    with line.at_work(), pytest.raises(SettingError) as ended, locked_destination("filesystem"):
        pass
    assert str(ended.value).startswith(f"{line.warehouse.location} refuses: ")
    assert "\n" not in str(ended.value)
    monkeypatch.setenv("SOURCES__WHOP__API_KEY", line.server.api_key)
    monkeypatch.setenv("SOURCES__WHOP__BASE_URL", line.server.base_url)
    with line.at_work():
        (found,) = (each for each in check("filesystem", tables=False) if not each.ok)
    assert found.exit_code is ExitCode.SETTING
    assert "cannot be written to" in found.says
    assert f"{CREDENTIALS}AWS_ACCESS_KEY_ID" in found.says
