"""Old versions are taken out of a folder, and no row is lost, whenever that is killed."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from bucket_line import BucketLine, folder_line
from conftest import new_business
from loading import TABLES

from whop_elt import cli
from whop_elt.destination import DATASET
from whop_elt.errors import ExitCode
from whop_elt.run import locked_destination
from whop_simulator import Server, serve
from whop_source.bucket import BucketClient, BucketError, Compacted, compact

FEW = ("companies", "payments", "refunds", "plans")


class KilledError(BaseException):
    """The process is gone."""


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> BucketLine:
    """A folder that three runs have loaded a few tables into; only to be read."""
    with serve(new_business()) as server:
        line = folder_line(server, tmp_path_factory.mktemp("versions"))
        for _ in range(3):
            assert line.sync(None, *FEW).code is ExitCode.OK
            server.advance(timedelta(days=2))
            line.business.remove("plans", line.business.rows("plans")[0]["id"])
        return line


@pytest.fixture
def line(versions: BucketLine, server: Server, tmp_path: Path) -> BucketLine:
    server.businesses[0].advance_to(versions.business.clock)
    return copy_of(versions, server, tmp_path)


def copy_of(line: BucketLine, server: Server, folder: Path, name: str = "bucket") -> BucketLine:
    copy = folder_line(server, folder, name)
    shutil.copytree(line.warehouse.location, copy.warehouse.location)
    return copy


def compacted(line: BucketLine) -> Compacted:
    with line.bucket.opened() as destination:
        client: Any = destination.pipeline.destination_client()
        return compact(client)


def everything(line: BucketLine) -> dict[str, list[dict[str, Any]]]:
    rows = line.bucket.read_all(*FEW, "plan_states", "sync_runs")
    return {table: sorted(found, key=str) for table, found in rows.items()}


def test_the_newest_version_of_each_row_is_left_in_one_file_per_table(line: BucketLine) -> None:
    before = everything(line)
    assert all(before.values())
    by_hand = {table: line.by_hand(table) for table in FEW}
    files = sum(len(line.files(table)) for table in before)
    versions = sum(
        pq.read_metadata(file).num_rows for table in before for file in line.files(table)
    )
    done = compacted(line)
    assert everything(line) == before
    assert done.rows == sum(map(len, before.values())) < done.versions == versions
    # The tables that were not read are there as well, empty.
    empty = len(line.files("members")) and done.tables - len(before)
    assert empty > 20
    assert done.files == files + empty
    for table, rows in before.items():
        (file,) = line.files(table)
        assert pq.read_metadata(file).num_rows == len(rows)
    assert {table: line.by_hand(table) for table in FEW} == by_hand
    again = compacted(line)
    assert (again.tables, again.files) == (0, 0)
    assert everything(line) == before


def test_runs_go_on_after_a_compaction_as_if_there_had_been_none(
    versions: BucketLine, line: BucketLine, tmp_path: Path
) -> None:
    never = copy_of(versions, line.server, tmp_path, "never")
    compacted(line)
    line.server.advance(timedelta(days=3))
    line.business.remove("refunds", line.business.rows("refunds")[0]["id"])
    for full in (False, True):
        runs = [each.sync(None, *FEW, full=full) for each in (line, never)]
        assert len({run["payments"].rows_new for run in runs}) == 1
        for table in FEW:
            found, wanted = (each.rows(table) for each in (line, never))
            for row in (*found.values(), *wanted.values()):
                del row["_dlt_load_id"]
            assert found == wanted, table
        compacted(line)
    deleted = [row for row in line.rows("refunds").values() if row["_whop_deleted_at"]]
    assert len(deleted) == 1


def typed(
    line: BucketLine, *words: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> tuple[int, str]:
    """The command's exit code, and what it says."""
    monkeypatch.setattr(sys, "argv", ["whop-elt", "compact", *words])
    with line.at_work(), pytest.raises(SystemExit) as ended:
        cli.main()
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out + captured.err


def test_the_command_says_what_it_did_and_is_refused_while_a_run_is_under_way(
    line: BucketLine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here: Any = {"monkeypatch": monkeypatch, "capsys": capsys}
    bucket = ("--destination", "filesystem")
    before = everything(line)
    with line.at_work(), locked_destination("filesystem"):
        Path(".whop-elt/lock").rename("elsewhere")
        code, said = typed(line, *bucket, **here)
        assert (code, "A run is under way" in said) == (4, True), said
    assert len(line.files("payments")) == 3
    code, said = typed(line, *bucket, **here)
    assert code == 0, said
    assert re.search(r"[\d,]+ files of \d+ tables are one each now: of [\d,]+ versions", said), said
    assert len(line.files("payments")) == 1
    code, said = typed(line, *bucket, **here)
    assert (code, "in one file already" in said) == (0, True), said
    assert everything(line) == before
    code, said = typed(line, "--destination", "duckdb", **here)
    assert (code, "--destination filesystem" in said) == (1, True), said


# Killed


def steps(line: BucketLine) -> list[str]:
    """What a compaction writes and takes away, in order."""
    seen: list[str] = []
    with killed_at(lambda number, what: seen.append(what)):
        compacted(line)
    return seen


@contextmanager
def killed_at(watch: Callable[[int, str], None], *, half: bool = False) -> Iterator[None]:
    """Have every change to the bucket watched; what the watch raises ends it, before or half."""
    number = 0
    with pytest.MonkeyPatch.context() as patch:

        def watched(name: str) -> None:
            real = getattr(BucketClient, name)

            def step(self: BucketClient, *given: Any) -> None:
                nonlocal number
                try:
                    watch(number, name)
                except KilledError:
                    if half and name == "put":
                        content = given[0].read_bytes()
                        Path(given[1]).write_bytes(content[: len(content) // 2])
                    elif half:
                        real(self, *given)
                    raise
                number += 1
                real(self, *given)

            patch.setattr(BucketClient, name, step)

        for name in ("put", "write_json", "remove"):
            watched(name)
        yield


@pytest.mark.parametrize("half", [False, True], ids=["before a step", "in or after it"])
def test_a_compaction_that_is_killed_at_any_step_loses_nothing(
    line: BucketLine, tmp_path: Path, half: bool
) -> None:
    # Twice, so that there is a compaction before that is to be replaced.
    compacted(line)
    line.server.advance(timedelta(days=2))
    line.sync(None, *FEW)
    before = everything(line)
    planned = steps(copy_of(line, line.server, tmp_path, "planned"))
    assert planned.count("write_json") == 1
    assert planned.count("put") >= 4
    assert planned.count("remove") >= 8
    # Within a removal there is nothing, and after it is before the next step.
    for at in (each for each, what in enumerate(planned) if not half or what != "remove"):
        killed = copy_of(line, line.server, tmp_path, f"killed-{at}")

        def watch(number: int, _: str, at: int = at) -> None:
            if number == at:
                raise KilledError

        with pytest.raises(KilledError), killed_at(watch, half=half):
            compacted(killed)
        assert everything(killed) == before, (at, planned[at])
        compacted(killed)
        assert everything(killed) == before, (at, planned[at])
        for table in before:
            assert len(killed.files(table)) == 1, (at, planned[at], table)
        assert len(list((killed.dataset / "_whop_compactions").iterdir())) == 1


# Not alone


def test_a_load_that_ends_while_a_compaction_is_under_way_counts(line: BucketLine) -> None:
    """Somebody has run it past the lock."""
    line.server.advance(timedelta(days=2))
    wanted: dict[str, Any] = {}

    def watch(number: int, _: str) -> None:
        if number == 1:
            assert line.sync(None, *FEW)["payments"].rows_new > 0
            wanted.update(everything(line))

    with killed_at(watch):
        compacted(line)
    assert everything(line) == wanted
    compacted(line)
    assert everything(line) == wanted


def test_who_reads_meanwhile_is_told_and_gets_no_half_of_a_table(line: BucketLine) -> None:
    with line.bucket.opened() as destination, destination.pipeline.sql_client() as client:
        assert client.execute_sql(f"select count(*) from {DATASET}.plans")
        compacted(line)
        with pytest.raises(BucketError, match="was compacted while it was read: ask again"):
            client.execute_sql(f"select count(*) from {DATASET}.payments")


def test_what_a_killed_load_has_left_goes_a_day_later(line: BucketLine) -> None:
    before = everything(line)
    (*_, newest) = line.files("payments")
    load = newest.name.rsplit(".", 2)[0]
    for age in (3_600, 100_000):
        left = newest.with_name(f"{float(load) - age:.6f}.0123456789.parquet")
        left.write_bytes(b"half a fi")
    compacted(line)
    assert left.exists() is False
    assert len(line.files("payments")) == 2, "a run may be loading it"
    assert everything(line) == before


def test_a_table_that_an_earlier_compaction_has_written_stays_however_old_that_is(
    line: BucketLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    compacted(line)
    (old,) = line.files("refunds")
    line.server.advance(timedelta(minutes=1))
    line.sync(None, "companies")
    before = everything(line)
    monkeypatch.setattr("whop_source.bucket.compaction._UNENDED_SECONDS", -1e6)
    for _ in range(2):
        compacted(line)
        assert line.files("refunds") == [old]
        assert everything(line) == before


def test_a_damaged_file_ends_it_in_a_line_and_nothing_is_taken_away(line: BucketLine) -> None:
    damaged = line.files("payments")[0]
    damaged.write_bytes(damaged.read_bytes()[:200])
    before = {table: line.files(table) for table in TABLES}
    with pytest.raises(BucketError, match=rf"{damaged.name} is no whole Parquet file") as ended:
        compacted(line)
    assert "\n" not in str(ended.value)
    for table, files in before.items():
        assert set(files) <= set(line.files(table))
    compactions = line.dataset / "_whop_compactions"
    assert not compactions.exists() or not list(compactions.iterdir())
