"""The demo: the whole line on a simulated business, again and again, without an account."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import duckdb
import pytest

from whop_elt import cli
from whop_elt import demo as demo_module
from whop_elt.destination import DATASET, MARTS
from whop_elt.options import console
from whop_simulator import DEFAULT_CLOCK
from whop_simulator.server import DEFAULT_KEY

Demo = Callable[[], tuple[int, str]]


@pytest.fixture
def demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Demo:
    """Runs the demo in an empty folder, with a small business; gives its code and output."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo_module, "MEMBERS", 150)
    monkeypatch.setattr(demo_module, "YEARS", 1)
    monkeypatch.setattr(sys, "argv", ["whop-elt", "demo"])
    monkeypatch.setattr(console, "_width", 160)

    def run() -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        assert DEFAULT_KEY not in captured.out + captured.err
        return int(ended.value.code or 0), captured.out + captured.err

    return run


def test_the_demo_is_full_first_then_a_week_later_and_incremental(demo: Demo) -> None:
    code, said = demo()
    assert code == 0, said
    assert "The sync was full" in said
    assert "MRR" in said
    assert f"{DEFAULT_CLOCK:%d %B %Y}" in said

    (cash,) = [line for line in said.splitlines() if line.startswith("Cash:")]
    assert cash.startswith("Cash: December 2025 ties to the cent, and Whop's balance is ours.")

    report = Path("whop-report.html")
    assert cash in unescape(report.read_text())
    assert "Whop's dashboard says $" in unescape(report.read_text())
    assert f"The report is {report.resolve()}" in said
    first = report.read_text()
    assert f"Data as of {DEFAULT_CLOCK:%-d %B %Y, %H:%M} UTC" in first
    assert "Restated" not in said

    code, said = demo()
    assert code == 0, said
    assert "The sync was incremental" in said
    assert "a week after the last sync" in said
    moved = [line for line in said.splitlines() if line.startswith("Restated: ")]
    assert [line.split(" was ")[0] for line in moved] == [
        "Restated: MRR of December 2025",
        "Restated: Net revenue of December 2025",
    ]
    assert all("charged back " in line and "(mem_" in line for line in moved), moved
    assert all(line.removeprefix("Restated: ") in report.read_text() for line in moved)
    later = DEFAULT_CLOCK + timedelta(days=7)
    assert f"{later:%d %B %Y}" in said
    assert f"Data as of {later:%-d %B %Y, %H:%M} UTC" in report.read_text()
    (line,) = [line for line in said.splitlines() if line.startswith("The sync was")]
    new, changed = (int(line.split(f" {word}")[0].split()[-1]) for word in ("new", "changed"))
    assert new > 0
    assert changed > 0

    with duckdb.connect("whop.duckdb") as held:
        synced = held.sql(f"select epoch(max(_whop_synced_at)) from {DATASET}.companies")
        ((moment,),) = synced.fetchall()
        assert datetime.fromtimestamp(moment, UTC) == later
        ((months,),) = held.sql(f"select count(*) from {MARTS}.mrr_monthly").fetchall()
        assert months > 3
    for path in (each for each in Path().rglob("*") if each.is_file()):
        assert DEFAULT_KEY.encode() not in path.read_bytes(), path


def test_the_demo_keeps_its_hands_off_another_company_s_warehouse(demo: Demo) -> None:
    with duckdb.connect("whop.duckdb") as held:
        held.sql(f"create schema {DATASET}")
        held.sql(
            f"create table {DATASET}.companies as "
            "select 'biz_real' as company_id, timestamptz '2026-01-01' as _whop_synced_at"
        )
    code, said = demo()
    assert code == 1
    assert "biz_real" in said
    assert "whop.duckdb" in said
    with duckdb.connect("whop.duckdb") as held:
        assert held.sql(f"select company_id from {DATASET}.companies").fetchall() == [("biz_real",)]
