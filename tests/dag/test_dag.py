"""The DAG on a real Airflow 3, against the simulator, into a real Postgres: `make test-airflow`."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from loading import documented, expected
from warehouse import Warehouse

from whop_elt.destination import DATASET, open_destination
from whop_elt.lock import database_lock
from whop_simulator import ALL_PERMISSIONS, Business, Fault, Server, serve

ROOT = Path(__file__).resolve().parents[2]
DAGS = ROOT / "pipelines" / "airflow"
AIRFLOW = Path(sys.executable).parent / "airflow"
SETTINGS = ("SOURCES__", "DESTINATION__", "ALERTS__", "WHOP_ELT_", "AIRFLOW_")


@dataclass
class Airflow:
    """An Airflow of its own: a metadata database and no services."""

    home: Path
    more: Mapping[str, str] = field(default_factory=dict)
    said: str = ""

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
        return {
            **kept,
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
            # Five minutes by default; the test does not wait for them.
            "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
            **self.more,
        }

    def __call__(self, *arguments: str, check: bool = True) -> str:
        ended = subprocess.run(
            [AIRFLOW, *arguments],
            cwd=self.home,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        self.said += ended.stdout + ended.stderr
        assert not check or ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-6000:]
        return ended.stdout

    def run(self) -> dict[str, list[str]]:
        """Run the DAG once; return the states of each task's instances, by map index."""
        self("dags", "test", "whop_elt", check=False)
        with closing(sqlite3.connect(self.home / "airflow.db")) as held:
            rows = held.execute(
                "select task_id, state from task_instance where run_id = "
                "(select run_id from dag_run order by id desc limit 1) order by task_id, map_index"
            ).fetchall()
        found: dict[str, list[str]] = {}
        for task_id, state in rows:
            found.setdefault(task_id, []).append(state)
        return found

    def last_run(self) -> str:
        with closing(sqlite3.connect(self.home / "airflow.db")) as held:
            ((state,),) = held.execute("select state from dag_run order by id desc limit 1")
        return str(state)

    def configure(self, server: Server, warehouse: Warehouse, **settings: Any) -> None:
        """As an operator would: a Connection for the key, one for Postgres, a Variable."""
        host, name = warehouse.location.rsplit("@", 1)[1].split("/")
        address, port = host.split(":")
        connections = {
            "whop": {
                "conn_type": "http",
                "password": server.api_key,
                "host": server.base_url,
                "extra": {"company_ids": [each.company_id for each in server.businesses]},
            },
            "whop_warehouse": {
                "conn_type": "postgres",
                "host": address,
                "port": int(port),
                "schema": name,
                "login": "postgres",
                "password": "loopback",
            },
        }
        variables = {"SOURCES__WHOP__MAX_ATTEMPTS": 1, "SOURCES__WHOP__BACKOFF_SECONDS": 0.01}
        for what, content in (
            ("connections", connections),
            ("variables", {"whop_elt": variables | settings}),
        ):
            path = self.home / f"{what}.json"
            path.write_text(json.dumps(content))
            self(what, "import", str(path))


@pytest.fixture(scope="session")
def new_airflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("airflow")
    Airflow(home)("db", "migrate")
    return home


@pytest.fixture
def airflow(new_airflow: Path, tmp_path: Path) -> Airflow:
    home = tmp_path / "airflow"
    home.mkdir()
    for name in ("airflow.db", "airflow.cfg"):
        (home / name).write_bytes((new_airflow / name).read_bytes())
    text = (home / "airflow.cfg").read_text()
    (home / "airflow.cfg").write_text(text.replace(str(new_airflow), str(home)))
    return Airflow(home)


@pytest.fixture
def postgres(postgres_url: str, tmp_path: Path) -> Warehouse:
    return Warehouse("postgres", postgres_url, work=tmp_path)


def businesses() -> list[Business]:
    return [Business(seed=seed, members=20, years=0.6) for seed in (1, 2)]


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(*businesses()) as running:
        yield running


def assert_loaded(warehouse: Warehouse, server: Server, *tables: str) -> None:
    for table in tables:
        read = warehouse.read(table, schema=DATASET)
        rows = {row["id"]: row for row in read}
        assert len(rows) == len(read), f"{table} has an id twice"
        wanted: dict[str, Any] = {}
        for business in server.businesses:
            assert isinstance(business, Business)
            wanted |= expected(business, table)
        assert documented(table, rows) == wanted, table


TABLES = ("companies", "members", "memberships", "payments", "plans", "products", "apps")


@contextmanager
def webhook() -> Iterator[tuple[str, list[str]]]:
    """A URL that takes alerts, and the texts it was sent."""
    texts: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            texts.append(json.loads(body)["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}/services/T0/s3cret-hook", texts
        http.shutdown()


def test_the_dag_is_imported_without_settings_network_or_heavy_libraries(airflow: Airflow) -> None:
    """What the DAG processor does every 30 seconds on every file."""
    program = textwrap.dedent(
        f"""
        import socket, sys, time
        import airflow.sdk
        def refused(*_):
            raise AssertionError("the file asks the network while it is parsed")
        socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refused
        sys.path.insert(0, {str(DAGS)!r})
        began = time.perf_counter()
        import whop_elt_dag
        seconds = time.perf_counter() - began
        slow = {{"dlt", "dbt", "duckdb", "pyarrow", "whop_source", "whop_elt.run"}}
        heavy = sorted(slow & set(sys.modules))
        print(seconds, ",".join(heavy))
        """
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=airflow.home,
        env=airflow.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    seconds, _, heavy = ended.stdout.splitlines()[-1].partition(" ")
    assert heavy == ""
    assert float(seconds) < 1
    airflow("dags", "reserialize")
    assert "No data found" in airflow("dags", "list-import-errors")
    assert "whop_elt" in airflow("dags", "list")


def test_it_runs_twice_and_a_task_of_each_company_brings_its_rows(
    airflow: Airflow, server: Server, postgres: Warehouse
) -> None:
    page = airflow.home / "whop-report.html"
    with webhook() as (url, digests):
        airflow.configure(
            server,
            postgres,
            WHOP_ELT_REPORT=str(page),
            ALERTS__URLS=[url],
            ALERTS__DIGEST="weekly",
        )
        states = airflow.run()
    assert states == {
        "check": ["success"],
        "sync": ["success", "success"],
        "transform": ["success"],
        "report": ["success"],
    }
    assert airflow.last_run() == "success"
    assert_loaded(postgres, server, *TABLES)
    companies = {business.company_id for business in server.businesses}
    marts = postgres.read("mrr_monthly")
    assert {row["company_id"] for row in marts} == companies
    for business in server.businesses:
        assert isinstance(business, Business)
        assert escape(business.company["title"]) in page.read_text()
        assert [escape(business.company["title"], quote=False) in text for text in digests] == [
            True
        ]

    for business in server.businesses:
        assert isinstance(business, Business)
        business.advance(timedelta(days=3))
    server.reset_counters()
    assert {state for states in airflow.run().values() for state in states} == {"success"}
    assert_loaded(postgres, server, "companies", "members", "memberships", "payments")
    runs = postgres.query(
        f"select company_id, mode, count(*) as number from {DATASET}.sync_runs "
        "where table_name = 'payments' group by company_id, mode"
    )
    assert {(row["company_id"], row["mode"]): row["number"] for row in runs} == {
        (company_id, mode): 1 for company_id in companies for mode in ("full", "incremental")
    }
    for secret in (server.api_key, "loopback"):
        assert secret not in airflow.said
        for log in (airflow.home / "logs").rglob("*.log"):
            assert secret not in log.read_text(), log


def test_a_failed_task_is_tried_again_and_brings_the_same_rows(
    airflow: Airflow, server: Server, postgres: Warehouse
) -> None:
    with webhook() as (url, texts):
        airflow.configure(server, postgres, ALERTS__URLS=[url])
        server.faults.add("GET /payments", Fault("status", status=503, at=[1]))
        states = airflow.run()
    assert states["sync"] == ["success", "success"]
    assert_loaded(postgres, server, *TABLES)
    failed = postgres.query(
        f"select company_id from {DATASET}.sync_runs "
        "where table_name = 'payments' and status = 'failed'"
    )
    assert len(failed) == 1, "the first try is to have failed"
    assert texts == [], "a failure that mends itself by being tried again is not told"


def test_one_company_that_fails_leaves_the_others_loaded_modelled_and_the_run_red(
    airflow: Airflow, server: Server, postgres: Warehouse
) -> None:
    one, other = (business.company_id for business in server.businesses)
    with webhook() as (url, texts):
        airflow.configure(
            server,
            postgres,
            ALERTS__URLS=[url],
        )
        connections = json.loads((airflow.home / "connections.json").read_text())
        connections["whop"]["extra"]["company_ids"] = [one, "biz_nobody"]
        (airflow.home / "connections.json").write_text(json.dumps(connections))
        airflow("connections", "import", "--overwrite", str(airflow.home / "connections.json"))
        states = airflow.run()
    assert states == {
        "check": ["success"],
        "sync": ["success", "failed"],
        "transform": ["success"],
        "report": ["failed"],
    }
    assert airflow.last_run() == "failed"
    assert {row["company_id"] for row in postgres.read("mrr_monthly")} == {one}
    assert other not in airflow.said
    (text,) = texts
    assert "biz_nobody" in text
    assert "SOURCES__WHOP__COMPANY_ID" in text


def test_a_missing_permission_is_loaded_around_and_leaves_the_run_red(
    airflow: Airflow, postgres: Warehouse
) -> None:
    """The exit code 3 of the command line."""
    permissions = ALL_PERMISSIONS - {"promo_code:basic:read"}
    with serve(*businesses(), permissions=permissions) as server, webhook() as (url, texts):
        airflow.configure(server, postgres, ALERTS__URLS=[url])
        states = airflow.run()
        assert states["sync"] == ["success", "success"]
        assert states["transform"] == ["success"]
        assert states["report"] == ["failed"]
        assert airflow.last_run() == "failed"
        assert "promo_code:basic:read" in airflow.said
        assert_loaded(postgres, server, "members", "memberships", "apps")
        assert len(texts) == 2, "one of each company"
        for text in texts:
            assert "promo_code:basic:read" in text
        for log in (airflow.home / "logs").rglob("*.log"):
            assert "s3cret-hook" not in log.read_text()
        assert "s3cret-hook" not in airflow.said


def test_another_run_s_lock_is_waited_for_by_trying_again(
    airflow: Airflow, server: Server, postgres: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code 4 of the command line: it goes on once the lock is free."""
    airflow.configure(server, postgres)
    monkeypatch.chdir(airflow.home)
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", postgres.location)
    states: dict[str, list[str]] = {}
    with database_lock(open_destination("postgres")):
        runner = Thread(target=lambda: states.update(airflow.run()))
        runner.start()
        deadline = time.monotonic() + 120
        while not tried(airflow) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert tried(airflow), "the sync is to have been refused once"
        assert set(server.requests) <= {"GET /companies/{id}", "GET /permissions"}
    runner.join()
    assert states["sync"] == ["success", "success"]
    assert "A run is under way" in airflow.said
    assert_loaded(postgres, server, *TABLES)


def tried(airflow: Airflow) -> bool:
    with closing(sqlite3.connect(airflow.home / "airflow.db")) as held:
        query = "select 1 from task_instance where task_id = 'sync' and state = 'up_for_retry'"
        return bool(held.execute(query).fetchall())


def test_a_wrong_key_ends_the_run_at_once_and_is_told(
    airflow: Airflow, server: Server, postgres: Warehouse
) -> None:
    with webhook() as (url, texts):
        airflow.configure(server, postgres, ALERTS__URLS=[url], SOURCES__WHOP__TABLES=["apps"])
        server.faults.add("*", Fault("status", status=401))
        states = airflow.run()
    assert states["check"] == ["failed"]
    assert airflow.last_run() == "failed"
    assert len(server.log) == 2, "no retry helps: one request for each company"
    (text,) = texts
    assert "SOURCES__WHOP__API_KEY" in text
