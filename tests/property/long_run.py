"""Not collected by itself: what `replay` and `soak` run, for the sake of pytest's databases."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

from .database import Database, Engine
from .scenario import STEPS, Broken, Scenario


@contextmanager
def database(engine: Engine, folder: Path, server: str) -> Iterator[Database]:
    """A database of one's own, dropped afterwards; `server` is for Postgres only."""
    if engine == "duckdb":
        yield Database("duckdb", str(folder / "whop.duckdb"))
        return
    name = f"property_{uuid.uuid4().hex[:12]}"
    admin = psycopg2.connect(server)
    admin.autocommit = True
    try:
        with admin.cursor() as cursor:
            cursor.execute(f"create database {name}")
        yield Database("postgres", urlunsplit(urlsplit(server)._replace(path=f"/{name}")))
        with admin.cursor() as cursor:
            cursor.execute(f"drop database {name} with (force)")
    finally:
        admin.close()


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_seeds(engine: Engine, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue("postgres_server") if engine == "postgres" else ""
    steps = int(os.environ.get("WHOP_ELT_STEPS", STEPS))
    for seed in map(int, os.environ.get("WHOP_ELT_SEEDS", "0").split()):
        folder = tmp_path / str(seed)
        folder.mkdir()
        with database(engine, folder, server) as opened:
            scenario = Scenario(seed, opened, folder, steps)
            try:
                scenario.run()
            except Broken as broken:
                pytest.fail(str(broken), pytrace=False)
            print("\n".join(scenario.story))


def test_soak(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    minutes = float(os.environ.get("WHOP_ELT_MINUTES", "1"))
    seed = first = int(os.environ.get("WHOP_ELT_FIRST_SEED", "1000"))
    engines = os.environ.get("WHOP_ELT_ENGINES", "duckdb postgres").split()
    server = request.getfixturevalue("postgres_server") if "postgres" in engines else ""
    end = time.monotonic() + minutes * 60
    coverage: Counter[str] = Counter()
    broken: list[str] = []
    while time.monotonic() < end:
        for engine in engines:
            folder = tmp_path / f"{seed}_{engine}"
            folder.mkdir()
            with database(engine, folder, server) as opened:  # type: ignore[arg-type]
                try:
                    Scenario(seed, opened, folder, coverage=coverage).run()
                    shutil.rmtree(folder)
                except Broken as error:
                    broken.append(f"{seed} on {engine}")
                    print(error, flush=True)
        seed += 1
    print(f"\nseeds {first} to {seed - 1} on {' and '.join(engines)}; broken: {broken or 'none'}")
    print(", ".join(f"{name} {count}" for name, count in sorted(coverage.items())))
    assert not broken
