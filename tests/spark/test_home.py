"""The folder of a business on Spark: a build counts when it is whole, and not before."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from whop_elt.errors import Locked, NothingThere, SettingError
from whop_elt.spark.home import Home
from whop_elt.spark.session import check_installed


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "whop_raw" / "payments").mkdir(parents=True)
    pq.write_table(pa.table({"id": ["pay_1"]}), tmp_path / "whop_raw/payments/1.parquet")
    return Home(tmp_path)


def write_mart(build: Path, number: int) -> None:
    folder = build / "whop_marts.db" / "mrr_daily"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"mrr_usd": [number]}), folder / "part-0.parquet")


def shown(home: Home) -> list[tuple[int]]:
    with home.connect() as connection:
        return connection.sql("select mrr_usd from whop_marts.mrr_daily").fetchall()


def test_nothing_is_shown_before_the_first_build(home: Home) -> None:
    with pytest.raises(NothingThere, match="transform --engine spark"):
        home.connect()


def test_a_build_without_raw_tables_says_that_nothing_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(NothingThere, match="Nothing is loaded"), Home(tmp_path).new_build():
        pass


def test_a_build_that_fails_leaves_the_one_before_it(home: Home) -> None:
    with home.new_build() as build:
        write_mart(build, 1)
        home.publish(build)
    with pytest.raises(RuntimeError), home.new_build() as killed:
        write_mart(killed, 2)
        raise RuntimeError
    assert shown(home) == [(1,)]
    with home.new_build() as build:
        assert not killed.exists()
        write_mart(build, 3)
        assert shown(home) == [(1,)]
        home.publish(build)
    assert shown(home) == [(3,)]


def test_the_build_before_stays_for_whoever_reads_it_and_older_ones_go(home: Home) -> None:
    for number in range(4):
        with home.new_build() as build:
            write_mart(build, number)
            home.publish(build)
    kept = sorted((home.folder / "builds").iterdir())
    assert len(kept) == 3  # removed as the next one begins: the current one and the one before it
    assert shown(home) == [(3,)]


def test_two_cannot_build_at_once(home: Home) -> None:
    with home.new_build(), pytest.raises(Locked, match="holds"), home.new_build():
        pass


def test_a_folder_that_is_not_ours_is_said(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(SettingError, match="WHOP_ELT_SPARK_HOME"), home.new_build():
        pass


def test_no_java_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("whop_elt.spark.session._is_there", lambda module: True)
    with pytest.raises(SettingError, match="Java 17 or 21"):
        check_installed()


def test_no_pyspark_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whop_elt.spark.session._is_there", lambda module: False)
    with pytest.raises(SettingError, match=r"pip install 'whop-elt\[spark\]'"):
        check_installed()
