"""A part of the property test that is long enough to be believed; `soak` plays new stories.

The seeds follow one another, so that the decks of troubles and changes are dealt to their ends; the
last test sees to it that all of it really happened.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from .database import Database
from .hand import CHANGES
from .scenario import TROUBLES, Broken, Scenario
from .worker import POINTS

SEEDS = {"duckdb": range(4), "postgres": range(4, 8)}
coverage: dict[str, Counter[str]] = {"duckdb": Counter(), "postgres": Counter()}


def play(seed: int, database: Database, folder: Path) -> None:
    """Play one story, and keep the failure to what matters: the story."""
    try:
        Scenario(seed, database, folder, coverage=coverage[database.engine]).run()
    except Broken as broken:
        pytest.fail(str(broken), pytrace=False)
    coverage[database.engine][f"seed:{seed}"] += 1


@pytest.mark.parametrize("seed", SEEDS["duckdb"])
def test_duckdb(seed: int, tmp_path: Path) -> None:
    play(seed, Database("duckdb", str(tmp_path / "whop.duckdb")), tmp_path)


@pytest.mark.parametrize("seed", SEEDS["postgres"])
def test_postgres(seed: int, tmp_path: Path, postgres_url: str) -> None:
    play(seed, Database("postgres", postgres_url), tmp_path)


def test_everything_happened() -> None:
    """Every fault struck, every kill killed, every change was made."""
    for engine, seeds in SEEDS.items():
        if any(not coverage[engine][f"seed:{seed}"] for seed in seeds):
            pytest.skip("only a part of the seeds was played to its end")
    both = coverage["duckdb"] + coverage["postgres"]
    wanted = {
        *(f"trouble:{trouble}" for trouble in TROUBLES),
        *(f"change:{name}" for name in CHANGES),
        *(f"mode:{mode}" for mode in ("full", "incremental", "subset")),
        "parts",
        "resumed",
    }
    missing = sorted(wanted - both.keys())
    assert not missing
    for engine, happened in coverage.items():
        killed = {point for point in POINTS if happened[f"trouble:kill:{point}"]}
        assert len(killed) >= len(POINTS) - 2, f"{engine}: killed only at {killed}"
