"""What a run costs in requests, and what created_after alone misses.

    python -m tests.property.requests_table --members 100000 --years 3 --surface current

A simulated business is loaded once, a day passes, and what has changed is then looked for in three
ways: a full pass of a copy of that warehouse, our next run, and created_after alone. Requests are
those the simulator has counted, without a rate limit; a change is found when the warehouse (or what
created_after brought) shows the row as it is at Whop.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from whop_simulator import Business, Server, serve
from whop_source.client import WhopClient
from whop_source.planning import iso
from whop_source.resources import BY_NAME
from whop_source.surface import CURRENT, LEGACY, SURFACES, Surface

from .database import Database
from .expected import Row, columns, embedded, on_current
from .scenario import TABLES as STORY_TABLES

ROOT = Path(__file__).parents[2]
TABLES = tuple(name for name in STORY_TABLES if BY_NAME[name].listed)


@dataclass
class Measured:
    """One way to bring a warehouse up to date."""

    way: str
    requests: int
    rows: int
    seconds: float
    missed: dict[str, int] = field(default_factory=dict)


@dataclass
class Outcome:
    """The business, what changed in it in a day, and what each way made of that."""

    sizes: dict[str, int]
    changed: dict[str, int]
    ways: list[Measured]


def measure(
    members: int,
    years: float,
    folder: Path,
    *,
    days: float = 1,
    share: float = 0,
    surface: Surface = LEGACY,
) -> Outcome:
    """Load, let time pass, and count what each way asks and misses.

    Args:
        members: size of the business.
        years: its age.
        folder: an empty one.
        days: how long until the next run.
        share: how much of all rows is to be new or changed by then; what a day of the simulated
            business does not change of that is changed by hand.
        surface: the surface of Whop's API that is asked.
    """
    business = Business(seed=7, members=members, years=years)
    database = Database("duckdb", str(folder / "whop.duckdb"))
    copy = Database("duckdb", str(folder / "copy.duckdb"))
    before = _fingerprints(business)
    with serve(business, foreign=False) as server:
        _sync(server, database, folder, "first load", surface)
        shutil.copy(database.credentials, copy.credentials)
        cursors = _newest(business)
        server.advance(timedelta(days=days))
        _busy_day(business, before, share)
        after = _fingerprints(business)
        changed = {
            table: {key for key, print_ in after[table].items() if before[table].get(key) != print_}
            for table in TABLES
        }
        sizes = {table: len(rows) for table, rows in after.items()}
        full = _sync(server, copy, folder, "full", surface, full=True)
        ours = _sync(server, database, folder, "ours", surface)
        alone, brought = _created_after(server, business.company_id, cursors, surface)
        _compare(full, business, changed, _stored(copy, changed), surface)
        _compare(ours, business, changed, _stored(database, changed), surface)
        _compare(alone, business, changed, brought, surface)
        ways = [full, ours, alone]
    return Outcome(sizes, {table: len(keys) for table, keys in changed.items()}, ways)


def _busy_day(business: Business, before: dict[str, dict[str, int]], share: float) -> None:
    """Change old rows until so large a share of all has changed: six in ten are payments."""
    now_there = _fingerprints(business) if share else {}
    total = sum(len(rows) for rows in now_there.values())
    changed = sum(
        before[table].get(key) != print_
        for table, rows in now_there.items()
        for key, print_ in rows.items()
    )
    missing = max(0, round(total * share) - changed)
    dice = random.Random(1)
    now = iso(business.clock)
    changes: dict[str, tuple[float, Row]] = {
        "payments": (0.6, {"substatus": "partially_refunded", "refunded_amount": 1.0}),
        "memberships": (0.2, {"status": "active", "renewal_period_end": now}),
        "members": (0.2, {"most_recent_action": "renewing", "most_recent_action_at": now}),
    }
    if not missing:
        return
    # All are read before the first is put back: the simulator sorts a changed table anew.
    changed_rows: list[tuple[str, Row]] = []
    for table, (part, fields) in changes.items():
        keys = sorted(before[table].keys() & now_there[table].keys())
        for key in dice.sample(keys, round(missing * part)):
            row = {**business.row(table, key), **fields, "updated_at": now}
            changed_rows.append((table, row))
    for table, row in changed_rows:
        business.put(table, row)


def _fingerprints(business: Business) -> dict[str, dict[str, int]]:
    """A number per row that changes with it, without what the row shows of other objects."""
    return {
        table: {row["id"]: hash(orjson.dumps(_plain(table, row))) for row in business.rows(table)}
        for table in TABLES
    }


def _plain(table: str, row: Row) -> Row:
    """The row's own fields, as they are in the JSON."""
    shown: Row = {}
    for name, value in row.items():
        if embedded(table, name) or embedded(table, f"{name}__"):
            continue
        shown[name] = value.get("id") if isinstance(value, dict) and "id" in value else value
    return shown


def _newest(business: Business) -> dict[str, datetime]:
    """The newest `created_at` of each list that can be asked for newer rows."""
    newest: dict[str, datetime] = {}
    for table in TABLES:
        if not BY_NAME[table].created_after:
            continue
        moments = [row["created_at"] for row in business.rows(table) if row.get("created_at")]
        newest[table] = datetime.fromisoformat(max(moments)) if moments else business.clock
    return newest


def _created_after(
    server: Server, company_id: str, cursors: dict[str, datetime], surface: Surface
) -> tuple[Measured, dict[str, dict[str, Row]]]:
    """What a sync does that only asks for what was created since; lists without it are read."""
    server.reset_counters()
    started = time.monotonic()
    brought: dict[str, dict[str, Row]] = {}
    with WhopClient(server.api_key, server.base_url, surface.version) as client:
        client._rate_limit.wait = lambda *_: None  # type: ignore[method-assign]
        for table in TABLES:
            resource = BY_NAME[table].on(surface)
            params: dict[str, str | Sequence[str]] = dict(resource.params)
            if table in cursors:
                params["created_after"] = iso(cursors[table] - timedelta(hours=1))
            pages = client.pages(
                resource.path, params, tenant=resource.tenant, company_id=company_id
            )
            rows_read = [resource.shape.read(row) for page in pages for row in page.rows]
            brought[table] = {row["id"]: columns(table, row) for row in rows_read}
    rows = sum(len(found) for found in brought.values())
    way = "created_after alone"
    seconds = time.monotonic() - started
    return Measured(way, sum(server.requests.values()), rows, seconds), brought


def _sync(
    server: Server,
    database: Database,
    folder: Path,
    way: str,
    surface: Surface,
    *,
    full: bool = False,
) -> Measured:
    """One sync in a process of its own."""
    server.reset_counters()
    result = folder / "result.json"
    settings = {
        "base_url": server.base_url,
        "api_key": server.api_key,
        "full": full,
        "full_every_days": 9999,
        "api_version": surface.version,
        "tables": STORY_TABLES,
    }
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "tests.property.requests_table", "--sync", json.dumps(settings),
         "--result", str(result), "--folder", str(folder)],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}",
            "DESTINATION__DUCKDB__CREDENTIALS": database.credentials,
        },
        check=True,
    )  # fmt: skip
    seconds = time.monotonic() - started
    said = json.loads(result.read_text())
    assert said["code"] == 0, said
    return Measured(way, sum(server.requests.values()), said["rows"], seconds)


def _sync_here(settings: Row, folder: Path, result: Path) -> None:
    from whop_elt.destination import open_destination
    from whop_elt.run import sync
    from whop_source import RunReport
    from whop_source.rate_limit import RateLimit

    RateLimit.wait = lambda *_: None  # type: ignore[method-assign]
    os.chdir(folder)
    report = RunReport()
    code = sync(open_destination("duckdb"), report, **settings)
    rows = sum(table.rows_read for table in report.tables)
    result.write_text(json.dumps({"code": int(code), "rows": rows}))


def _stored(database: Database, changed: dict[str, set[str]]) -> dict[str, dict[str, Row]]:
    """The stored rows of what has changed."""
    return {table: database.some(table, keys) for table, keys in changed.items()}


def _compare(
    measured: Measured,
    business: Business,
    changed: dict[str, set[str]],
    known: dict[str, dict[str, Row]],
    surface: Surface,
) -> None:
    for table, keys in changed.items():
        found = sum(_shows(business, table, key, known[table].get(key), surface) for key in keys)
        measured.missed[table] = len(keys) - found


def _shows(business: Business, table: str, key: str, row: Row | None, surface: Surface) -> bool:
    """Whether a known row is the row at Whop, but for what it shows of other objects."""
    if row is None:
        return False
    real = columns(table, business.row(table, key))
    if surface is CURRENT:
        only_there = BY_NAME[table].current.columns.keys()
        real = on_current(table, real, BY_NAME[table].columns.keys() - only_there)
    return all(
        row.get(name) == value
        for name, value in real.items()
        if not embedded(table, name) and row.get(name) is not None
    ) and all(row.get(name) == real[name] for name in ("status", "updated_at") if name in real)


def _lines(outcome: Outcome) -> Iterable[str]:
    total = sum(outcome.changed.values())
    yield f"rows: {sum(outcome.sizes.values()):,}  {outcome.sizes}"
    yield f"changed or new: {total:,} ({total / sum(outcome.sizes.values()):.1%})"
    yield f"  {outcome.changed}"
    yield ""
    yield "| way | requests | rows read | changes missed | seconds |"
    yield "|---|---|---|---|---|"
    for way in outcome.ways:
        missed = sum(way.missed.values())
        yield f"| {way.way} | {way.requests:,} | {way.rows:,} | {missed:,} | {way.seconds:.0f} |"
    for way in outcome.ways:
        if any(way.missed.values()):
            yield f"{way.way} misses { ({k: v for k, v in way.missed.items() if v}) }"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=2000)
    parser.add_argument("--years", type=float, default=3)
    parser.add_argument("--days", type=float, default=1)
    parser.add_argument("--share", type=float, default=0, help="0.01: one row in a hundred")
    parser.add_argument("--surface", choices=[each.name for each in SURFACES], default=LEGACY.name)
    parser.add_argument("--sync", help=argparse.SUPPRESS)
    parser.add_argument("--result", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given: Any = parser.parse_args()
    if given.sync:
        _sync_here(json.loads(given.sync), given.folder, given.result)
        return
    with tempfile.TemporaryDirectory(prefix="whop-requests-") as folder:
        outcome = measure(
            given.members,
            given.years,
            Path(folder),
            days=given.days,
            share=given.share,
            surface=next(each for each in SURFACES if each.name == given.surface),
        )
    print("\n".join(_lines(outcome)))


if __name__ == "__main__":
    main()
