"""Companies synced at the same time by processes of their own: the rows of one after the other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import NewWarehouse
from loading import OWN_COLUMNS, TABLES, Table, documented, expected
from warehouse import Warehouse

from whop_elt.destination import DATASET, open_destination
from whop_elt.errors import Locked
from whop_elt.lock import database_lock, loading_turn
from whop_simulator import Business, Server, serve

COMPANIES = 3


def businesses() -> list[Business]:
    return [Business(seed=seed, members=25, years=1) for seed in range(1, COMPANIES + 1)]


@pytest.fixture
def server() -> Iterator[Server]:
    # Slow enough that the companies' reading and loading overlap.
    with serve(*businesses(), latency=0.02) as running:
        yield running


@pytest.fixture
def postgres(new_location: NewWarehouse, tmp_path: Path) -> Warehouse:
    return Warehouse("postgres", new_location("postgres", None), work=tmp_path)


Command = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def command(server: Server, postgres: Warehouse, tmp_path: Path) -> Iterator[Command]:
    """Starts `whop-elt` in an empty folder of its own, as on a worker that has just come up."""
    environment = {name: value for name, value in os.environ.items() if "__" not in name}
    environment |= {
        "SOURCES__WHOP__API_KEY": server.api_key,
        "SOURCES__WHOP__BASE_URL": server.base_url,
        "WHOP_ELT_DESTINATION": "postgres",
        "DESTINATION__POSTGRES__CREDENTIALS": postgres.location,
    }
    with ExitStack() as processes:

        def start(*arguments: str) -> subprocess.Popen[str]:
            folder = tmp_path / f"worker-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            return processes.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "whop_elt.cli", *arguments],
                    cwd=folder,
                    env=environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )

        yield start


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=240)
    return process.returncode, out + err


def contents(warehouse: Warehouse) -> dict[str, Table]:
    """Raw rows by id, without what differs from run to run."""
    found = {}
    for table in TABLES:
        rows = warehouse.read(table, schema=DATASET)
        found[table] = {row["id"]: row for row in rows}
        assert len(found[table]) == len(rows), f"{table} has an id twice"
    return found


def settled(warehouse: Warehouse) -> dict[str, dict[str, dict[str, object]]]:
    own = set(OWN_COLUMNS) - {"company_id", "_dlt_id", "_whop_extra"}
    return {
        table: {
            key: {name: value for name, value in row.items() if name not in own}
            | {"deleted": row["_whop_deleted_at"] is not None}
            for key, row in rows.items()
        }
        for table, rows in contents(warehouse).items()
    }


def test_companies_side_by_side_give_the_rows_of_one_after_another(
    command: Command,
    server: Server,
    postgres: Warehouse,
    new_location: NewWarehouse,
    tmp_path: Path,
) -> None:
    """Into an empty database, where every one of them wants to create the same tables; again after
    changes and deletions, from cursors; and a third time, when there is nothing left to bring."""
    ids = [business.company_id for business in server.businesses]
    for second in (False, True):
        if second:
            for business in server.businesses:
                assert isinstance(business, Business)
                business.advance(timedelta(days=9))
                business.remove("apps", business.rows("apps")[0]["id"])
        started = [command("sync", "--company", company_id) for company_id in ids]
        assert [ended(process)[0] for process in started] == [0] * COMPANIES
        for table in TABLES:
            for business in server.businesses:
                assert isinstance(business, Business)
                rows = {
                    key: row
                    for key, row in contents(postgres)[table].items()
                    if row["company_id"] == business.company_id and not row["_whop_deleted_at"]
                }
                assert documented(table, rows) == expected(business, table), table

    server.reset_counters()
    third = [command("sync", "--company", company_id) for company_id in ids]
    said = [ended(process) for process in third]
    assert [code for code, _ in said] == [0] * COMPANIES
    modes = postgres.query(
        f"select company_id, count(distinct run_id) as runs, "
        f"count(*) filter (where mode = 'incremental') as incremental from {DATASET}.sync_runs "
        "where table_name = 'payments' group by company_id"
    )
    assert {row["company_id"]: (row["runs"], row["incremental"]) for row in modes} == dict.fromkeys(
        # The second came after nine days and was full; the third knew where the second had ended.
        ids,
        (3, 1),
    )

    one_by_one = Warehouse("postgres", new_location("postgres", None), work=tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        for name, value in {
            "SOURCES__WHOP__API_KEY": server.api_key,
            "SOURCES__WHOP__BASE_URL": server.base_url,
            "DESTINATION__POSTGRES__CREDENTIALS": one_by_one.location,
        }.items():
            patch.setenv(name, value)
        from whop_elt.run import sync
        from whop_source import RunReport

        code = sync(open_destination("postgres"), RunReport(), company_ids=ids)
        assert code == 0
    side_by_side, alone = settled(postgres), settled(one_by_one)
    for table in TABLES:
        alive = {key: row for key, row in side_by_side[table].items() if not row["deleted"]}
        assert alive == alone[table], table


def test_a_company_is_synced_by_one_run_at_a_time_and_never_beside_a_run_of_all(
    command: Command,
    postgres: Warehouse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    server: Server,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", postgres.location)
    one, other = (business.company_id for business in server.businesses[:2])
    with database_lock(open_destination("postgres", one)):
        with database_lock(open_destination("postgres", other)):
            pass
        for blocked in (one, None):
            with (
                pytest.raises(Locked, match=r"Postgres process \d+"),
                database_lock(open_destination("postgres", blocked)),
            ):
                pass
        code, said = ended(command("sync", "--company", one))
        assert code == 4
        assert "A run is under way" in said
    with database_lock(open_destination("postgres")):
        code, _ = ended(command("sync", "--company", one))
        assert code == 4
    assert not server.requests


def test_a_load_waits_for_its_turn(
    command: Command,
    postgres: Warehouse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    server: Server,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", postgres.location)
    one, other = (business.company_id for business in server.businesses[:2])
    with loading_turn(open_destination("postgres", one)):
        waiting = command("sync", "--company", other, "--tables", "apps")
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.communicate(timeout=8)
        assert server.requests, "it reads meanwhile"
        assert not postgres.query(
            f"select 1 from information_schema.tables where table_schema = '{DATASET}' "
            "and table_name = 'apps'"
        )
    assert ended(waiting)[0] == 0
