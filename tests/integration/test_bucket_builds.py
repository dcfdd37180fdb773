"""Builds in a folder and in a bucket: published whole or not at all, and gone on from."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import pytest
from bucket_line import BucketLine
from published import KEPT, KINDS, line_to, publishing, upload
from s3_server import new_bucket
from warehouse import Warehouse

from whop_elt.bucket_models import _builds, models_home
from whop_elt.builds import Builds
from whop_elt.destination import DATASET, INTERMEDIATE, MARTS, PERSONAL, bucket_client
from whop_elt.errors import ExitCode, Locked, NothingThere, PipelineError, SettingError
from whop_elt.mcp.asker import Asker, Question
from whop_elt.mcp.numbers import Numbers
from whop_elt.mcp.tool import ToolFailed
from whop_elt.reading import open_reader
from whop_elt.run import locked_destination
from whop_elt.spark.home import Home


class Killed(BaseException):
    """What ends a publication as a killed process does: nobody tidies up."""


@pytest.fixture(params=KINDS)
def own(
    request: pytest.FixtureRequest, run_into_folder: BucketLine, endpoint: str, tmp_path: Path
) -> BucketLine:
    """A copy of what was built, with the file it was built in."""
    location = tmp_path / "bucket"
    shutil.copytree(run_into_folder.warehouse.location, location)
    work = tmp_path / "work"
    work.mkdir()
    shutil.copy(run_into_folder.folder / "whop.duckdb", work)
    if request.param == "folder":
        return line_to(str(location), run_into_folder, work, endpoint)
    address = new_bucket(endpoint)
    upload(location, address, endpoint)
    return line_to(address, run_into_folder, work, endpoint)


in_a_folder = pytest.mark.parametrize("own", ["folder"], indirect=True)


def title() -> str:
    with open_reader("filesystem") as bucket:
        ((found,),) = bucket.query(f"select title from {MARTS}.dim_companies")[1]
        return str(found)


def ids() -> list[str]:
    return sorted(_builds(bucket_client())._ids())


@contextmanager
def watched(watch: Callable[[str, str], None]) -> Iterator[None]:
    """Have each change that a publication makes watched; what the watch raises ends it before."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("put", "_write", "_remove"):
            real = getattr(Builds, name)

            def step(self: Builds, *given: Any, name: str = name, real: Any = real) -> None:
                watch(name, str(given[-1] if name == "put" else given[0]))
                real(self, *given)

            patched.setattr(Builds, name, step)
        yield


def test_a_publication_that_is_killed_at_any_step_changes_nothing(own: BucketLine) -> None:
    with publishing(own) as publish:
        builds = _builds(bucket_client())
        publish("first")
        publish("second")
        seen: list[tuple[str, str]] = []
        with watched(lambda *step: seen.append(step)):
            publish("third")
        assert [name for name, _ in seen[-3:]] == ["_write"] * 3
        assert seen[-1][1].endswith("/current")
        puts = [at for at, (name, _) in enumerate(seen) if name == "put"]
        assert len(puts) > 30
        assert puts[0] == 1, "an old build is removed first"
        steps = [0, puts[0], puts[1], puts[-1], *range(puts[-1] + 1, len(seen))]
        # In a bucket each file takes its time.
        for at in steps if builds.is_local else [puts[1], len(seen) - 1]:
            before = ids()
            number = 0

            def kill(*_: str, at: int = at) -> None:
                nonlocal number
                number += 1
                if number > at:
                    raise Killed

            with pytest.raises(Killed), watched(kill):
                publish("killed")
            assert title() == "third", seen[at]
            left = set(ids()) - set(before)
            if at > puts[0]:
                assert left, "it had begun to write"
        publish("last")
        assert title() == "last"
        assert not left & set(ids())
        assert len(ids()) == 3


def test_who_has_begun_to_read_reads_on_through_the_next_build(own: BucketLine) -> None:
    asked = f"select title from {MARTS}.dim_companies"
    with publishing(own) as publish:
        publish("first")
        with open_reader("filesystem") as bucket:
            publish("second")
            assert bucket.query(asked)[1] == [("first",)]
            publish("third")
            assert bucket.query(asked)[1] == [("first",)]
            publish("fourth")
            with pytest.raises(PipelineError, match="was removed meanwhile") as ended:
                bucket.query(f"select count(*), min(net_usd) from {MARTS}.fct_payments")
            assert "\n" not in str(ended.value)
        assert title() == "fourth"


@in_a_folder
def test_a_build_is_later_than_the_one_before_also_where_a_clock_is_behind(
    own: BucketLine,
) -> None:
    ahead = "29991231T235959000000Z"
    with publishing(own) as publish:
        builds = _builds(bucket_client())
        place = Path(builds.path(builds.current))
        place.rename(place.with_name(ahead))
        Path(own.warehouse.location, "current").write_text(ahead)
        publish("later")
        assert ids()[-2] == ahead
        assert title() == "later"


@in_a_folder
def test_spark_and_a_run_cannot_build_in_one_folder_at_once(own: BucketLine) -> None:
    home = Home(Path(own.warehouse.location))
    with own.at_work(), locked_destination("filesystem") as bucket:
        with models_home(bucket), pytest.raises(Locked), home.new_build():
            pass
        with home.new_build(), pytest.raises(Locked, match=r"build\.lock"), models_home(bucket):
            pass
        # And each finds the build of the other.
        with home.new_build() as build:
            assert sorted(home.remembered(build)) == sorted(KEPT)


@in_a_folder
def test_a_type_that_parquet_does_not_have_is_no_float(own: BucketLine) -> None:
    with publishing(own) as publish:
        publish("before")
        with duckdb.connect("whop.duckdb") as connection:
            connection.execute(f"alter table {MARTS}.dim_companies add column wide hugeint")
        with pytest.raises(PipelineError, match="dim_companies"):
            publish("after")
        assert title() == "before"


@in_a_folder
def test_a_bucket_that_does_not_take_the_marts_is_said_and_keeps_those_it_has(
    own: BucketLine,
) -> None:
    def refuse(self: Builds, file: Path, build: str, table: tuple[str, str]) -> None:
        raise PermissionError(13, "Permission denied", self.path(build, *table))

    with publishing(own) as publish:
        publish("before")
        with (
            patch.object(Builds, "put", refuse),
            pytest.raises(SettingError, match="BUCKET_URL") as ended,
        ):
            publish("after")
        assert str(ended.value).startswith(
            f"The models are built, but not in {own.warehouse.location}: "
        )
        assert "\n" not in str(ended.value)
        assert title() == "before"


# Agents


@in_a_folder
def test_agents_ask_a_copy_that_has_the_marts_alone_and_follows_the_builds(
    own: BucketLine,
) -> None:
    asked = Question("select title from dim_companies", trusted=False)
    names = Question(f"select count(name) from {PERSONAL}.member_contacts", trusted=False)
    with closing(Asker("filesystem")) as asker, closing(Asker("filesystem", contacts=True)) as both:
        with publishing(own) as publish:
            for title in ("first", "second", "third"):
                publish(title)
                assert asker.ask_all([asked])[0].rows == [[title]]
        with own.at_work():
            with pytest.raises(ToolFailed, match="There is no mart"):
                asker.ask_all([names])
            # Nor by what we would ask ourselves: it is not there.
            for table in (f"{PERSONAL}.member_contacts", f"{DATASET}.payments"):
                with pytest.raises(NothingThere):
                    asker.ask(f"select * from {table}")
            with pytest.raises(PipelineError, match="disabled"):
                asker.ask(f"select * from read_text('{own.warehouse.location}/current')")
            assert both.ask_all([names])[0].rows[0][0] > 10
            assert Numbers(asker).dialect == "duckdb"
            copies = sorted(path.name for path in Path(".whop-elt/marts").iterdir())
        assert len(copies) == 3, "of two builds, and one with names"


# What is remembered


@in_a_folder
def test_a_new_file_goes_on_from_what_the_bucket_remembers(own: BucketLine, tmp_path: Path) -> None:
    with duckdb.connect(str(own.folder / "whop.duckdb"), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        ((payment, synced),) = connection.execute(
            f"""select p.payment_id, (select max(last_synced_at) from {INTERMEDIATE}.int_as_of)
            from {MARTS}.fct_payments as p
            join {MARTS}.fct_subscription_periods as s using (payment_id)
            where s.mrr_usd > 0 and p.refunded_usd = 0 and p.paid_at
              < (select as_of from {MARTS}.dim_companies) - interval '70 days'
            order by p.payment_id limit 1"""
        ).fetchall()
    lost = tmp_path / "lost"
    lost.mkdir()
    # The file that was kept goes on from what is in there.
    with patch("whop_elt.bucket_models._remember"):
        told = [restated_after(own, own.folder, payment, synced)]
    told.append(restated_after(own, lost, payment, synced))
    assert told[0] == told[1]
    assert all(told[0].values())


def restated_after(
    line: BucketLine, folder: Path, payment: str, synced: datetime
) -> dict[str, list[str]]:
    """What is told of closed months when one more payment is found, built in this folder."""
    line = line_to(line.warehouse.location, line, folder, "")
    with (
        line.at_work(),
        locked_destination("filesystem") as bucket,
        models_home(bucket) as home,
    ):
        location = home.location
    database = Warehouse("duckdb", location, work=folder)
    database.execute(
        f"insert into {DATASET}.payments select * replace (id || 'x' as id, "
        "_dlt_id || 'x' as _dlt_id, "
        f"timestamptz '{synced + timedelta(hours=1)}' as _whop_synced_at) "
        f"from {DATASET}.payments where id = '{payment}'"
    )
    database.dbt("run", "--select", "+int_told_builds", "+dim_companies")
    return {
        mart: sorted(map(str, database.read(mart)))
        for mart in ("restatements", "restatement_causes")
    }


# What is not whole


@in_a_folder
@pytest.mark.parametrize(
    "harm",
    [
        lambda build: next(build.glob(f"{MARTS}.db/mrr_daily/*")).unlink(),
        lambda build: next(build.glob(f"{MARTS}.db/mrr_daily/*")).write_bytes(b"PAR1 half"),
        lambda build: (build / "files.json").unlink(),
        shutil.rmtree,
    ],
    ids=["a file is missing", "a file is damaged", "half a copy", "no build"],
)
def test_a_build_that_is_not_whole_is_one_line(
    own: BucketLine, harm: Callable[[Path], Any]
) -> None:
    with own.at_work():
        builds = _builds(bucket_client())
        build = builds.current
        harm(Path(builds.path(build)))
        with pytest.raises(PipelineError) as ended, open_reader("filesystem"):
            pass
        assert "\n" not in str(ended.value)
        assert f"The build {build} in {own.warehouse.location} is not whole" in str(ended.value)
        assert "`whop-elt transform --destination filesystem`" in str(ended.value)
        assert ended.value.exit_code is ExitCode.FAILED


@in_a_folder
def test_a_run_does_not_go_on_without_what_a_damaged_build_remembers(own: BucketLine) -> None:
    with own.at_work():
        builds = _builds(bucket_client())
        file = next(Path(builds.path(builds.current)).glob(f"{INTERMEDIATE}.db/int_told_builds/*"))
        file.write_bytes(file.read_bytes()[:50])
        with pytest.raises(PipelineError, match="is not whole") as ended, publishing(own):
            pass
        assert "\n" not in str(ended.value)
        # As the line says.
        Path(own.warehouse.location, "current").unlink()
    with publishing(own) as publish:
        publish("anew")
        assert title() == "anew"
