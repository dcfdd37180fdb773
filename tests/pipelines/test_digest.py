"""The digest: who is told, when, and what stops nothing."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from whop_elt.alerts import post_digest
from whop_elt.alerts.digest import is_first_of_week
from whop_elt.errors import NothingThere

WEDNESDAY = datetime(2026, 1, 14, 9, tzinfo=UTC)


class Runs:
    """A warehouse that knows when other runs were."""

    def __init__(self, *others: datetime) -> None:
        self.others = others
        self.name, self.location = "duckdb", "here"

    def query(self, sql: str, *values: Any) -> tuple[list[str], list[tuple[Any, ...]]]:
        assert "sync_runs" in sql
        first, last = values
        within = [("run", first), *((f"run {number}", at) for number, at in enumerate(self.others))]
        return ["run_id"], [(run_id,) for run_id, at in within if first <= at <= last]


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    told: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.append(json.loads(body)["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALERTS__URLS", f"http://127.0.0.1:{server.server_port}/")
    yield told
    server.shutdown()
    server.server_close()


def test_without_the_setting_nobody_is_told(hook: list[str]) -> None:
    assert not post_digest(Runs(), ["run"], lambda: "text")
    assert hook == []


def test_each_run_is_told_when_each_is_wanted(
    hook: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERTS__DIGEST", "run")
    assert post_digest(Runs(WEDNESDAY), ["run"], lambda: "MRR < $10 & more", WEDNESDAY)
    assert hook == ["MRR &lt; $10 &amp; more"]


def test_of_a_week_only_the_first_run_is_told(
    hook: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERTS__DIGEST", "weekly")
    monday = datetime(2026, 1, 12, 0, 0, tzinfo=UTC)
    assert not post_digest(Runs(monday), ["run"], lambda: "text", WEDNESDAY)
    assert hook == []
    sunday = datetime(2026, 1, 11, 23, 59, tzinfo=UTC)
    assert post_digest(Runs(sunday), ["run"], lambda: "text", WEDNESDAY)
    assert hook == ["text"]


def test_in_airflow_the_runs_of_all_companies_are_one(
    hook: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERTS__DIGEST", "weekly")
    monday = datetime(2026, 1, 12, 0, 0, tzinfo=UTC)
    assert post_digest(Runs(monday), ["run", "run 0"], lambda: "text", WEDNESDAY)
    assert hook == ["text"]


def test_a_warehouse_without_runs_has_had_none_this_week() -> None:
    class Empty(Runs):
        def query(self, sql: str, *values: Any) -> Any:
            raise NothingThere("no table")

    assert is_first_of_week(Empty(), ["run"], WEDNESDAY)


def test_what_cannot_be_posted_is_logged_and_stops_nothing(
    hook: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def slips() -> str:
        raise ValueError("a slip")

    monkeypatch.setattr(logging.getLogger("whop_elt"), "propagate", True)
    monkeypatch.setenv("ALERTS__DIGEST", "run")
    assert not post_digest(Runs(), ["run"], slips)
    assert "The digest was not posted: a slip" in caplog.text
    monkeypatch.setenv("ALERTS__DIGEST", "daily")
    assert not post_digest(Runs(), ["run"], lambda: "text")
    assert "ALERTS__DIGEST is 'daily', and must be run or weekly" in caplog.text
    monkeypatch.setenv("ALERTS__DIGEST", "run")
    monkeypatch.delenv("ALERTS__URLS")
    assert not post_digest(Runs(), ["run"], lambda: "text")
    assert "ALERTS__URLS is not" in caplog.text
    assert hook == []
