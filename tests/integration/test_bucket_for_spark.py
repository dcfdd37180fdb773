"""The files of a folder that Spark is to read: what `whop-elt sync` says counts, and no other."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bucket_line import BucketLine, folder_line
from conftest import new_business

from whop_elt.errors import ExitCode, NothingThere, PipelineError
from whop_elt.run import locked_destination
from whop_elt.spark import counted
from whop_elt.spark.counted import counted_raw
from whop_simulator import Server, serve
from whop_source.bucket import compact

FEW = ("companies", "payments", "plans")
READ = (*FEW, "plan_states", "sync_runs")


@pytest.fixture(scope="module")
def two_loads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BucketLine]:
    """A folder that two runs have loaded a few tables into; only to be read."""
    with serve(new_business()) as server:
        line = folder_line(server, tmp_path_factory.mktemp("spark"))
        for _ in range(2):
            assert line.sync(None, *FEW).code is ExitCode.OK
            server.advance(timedelta(days=2))
        yield line


@pytest.fixture
def line(two_loads: BucketLine, server: Server, tmp_path: Path) -> BucketLine:
    copy = folder_line(server, tmp_path)
    shutil.copytree(two_loads.warehouse.location, copy.warehouse.location)
    return copy


def compacted(line: BucketLine) -> None:
    with line.at_work(), locked_destination("filesystem") as bucket:
        compact(bucket.pipeline.destination_client())  # type: ignore[arg-type]


def names(folder: Path) -> dict[str, list[str]]:
    """The Parquet files of each table that has any."""
    found: dict[str, list[str]] = {}
    for file in sorted(folder.glob("[!_]*/*.parquet")):
        found.setdefault(file.parent.name, []).append(file.name)
    return found


def leave_half_a_file(line: BucketLine, table: str) -> Path:
    """What a run has left that was killed while it loaded."""
    newest = line.files(table)[-1]
    half = newest.with_name(f"{float(newest.name.rsplit('.', 2)[0]) + 60:.6f}.0123456789.parquet")
    half.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])
    return half


def test_all_files_of_loads_that_have_ended_are_read_and_what_a_killed_one_left_is_not(
    line: BucketLine, tmp_path: Path
) -> None:
    wanted = names(line.dataset)
    assert len(wanted["companies"]) == 2
    half = leave_half_a_file(line, "payments")
    with counted_raw(line.dataset, tmp_path) as raw:
        assert names(raw) == wanted
        for table in READ:
            for file in wanted[table]:
                assert (raw / table / file).samefile(line.dataset / table / file)
    assert half.exists()
    assert not raw.exists()


def test_what_a_compaction_has_replaced_is_not_read_though_it_is_there(
    line: BucketLine, tmp_path: Path
) -> None:
    before = tmp_path / "before"
    shutil.copytree(line.dataset, before)
    compacted(line)
    wanted = names(line.dataset)
    assert {table: len(files) for table, files in wanted.items()} == dict.fromkeys(wanted, 1)
    # It was killed before it took them away.
    shutil.copytree(before, line.dataset, dirs_exist_ok=True)
    assert names(line.dataset) != wanted
    with counted_raw(line.dataset, tmp_path) as raw:
        assert names(raw) == wanted


def test_a_compaction_in_the_midst_of_a_build_takes_nothing_from_it(
    line: BucketLine, tmp_path: Path
) -> None:
    with counted_raw(line.dataset, tmp_path) as raw:
        before = names(raw)
        compacted(line)
        assert names(raw) == before != names(line.dataset)
        assert all(pq.read_table(file).num_rows for file in raw.glob("payments/*"))


def test_a_compaction_between_looking_and_linking_is_looked_at_anew(
    line: BucketLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay, done = counted._lay, list[bool]()

    def compact_first(file: Path, place: Path) -> None:
        if not done:
            done.append(True)
            compacted(line)
        lay(file, place)

    monkeypatch.setattr(counted, "_lay", compact_first)
    with counted_raw(line.dataset, tmp_path) as raw:
        assert names(raw) == names(line.dataset)

    def never(file: Path, place: Path) -> None:
        raise FileNotFoundError(file)

    monkeypatch.setattr(counted, "_lay", never)
    with pytest.raises(PipelineError, match="ask again"), counted_raw(line.dataset, tmp_path):
        pass


def test_where_no_links_can_be_made_the_files_are_copied(
    line: BucketLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with counted_raw(line.dataset, tmp_path) as raw:
        assert names(raw) == names(line.dataset)
        assert (raw / "payments").is_dir()


def test_plans_given_by_hand_are_no_load_s_and_read_all_the_same(
    line: BucketLine, tmp_path: Path
) -> None:
    given = line.dataset / "given_plan_versions"
    given.mkdir()
    pq.write_table(pa.table({"plan_id": ["plan_1"]}), given / "mine.parquet")
    with counted_raw(line.dataset, tmp_path) as raw:
        assert names(raw)["given_plan_versions"] == ["mine.parquet"]


def test_a_first_load_that_was_killed_is_nothing(line: BucketLine, tmp_path: Path) -> None:
    for ended in (line.dataset / "_dlt_loads").iterdir():
        ended.unlink()
    with (
        pytest.raises(NothingThere, match="`whop-elt sync`"),
        counted_raw(line.dataset, tmp_path),
    ):
        pass


def test_a_folder_that_nothing_was_synced_into_is_read_as_it_is(tmp_path: Path) -> None:
    exported = tmp_path / "whop_raw"
    for table in ("payments", "_dlt_loads"):
        (exported / table).mkdir(parents=True)
        pq.write_table(pa.table({"id": ["1"]}), exported / table / "all.parquet")
    with counted_raw(exported, tmp_path) as raw:
        assert raw == exported
