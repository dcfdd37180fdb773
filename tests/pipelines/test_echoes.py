"""A server, or a proxy before it, repeats the key in its refusals: the key is found nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import duckdb
import httpx
import pytest
from test_alerts import Webhook, hook, models, server, shell
from test_cli import Shell

from whop_simulator import Server

__all__ = ["hook", "models", "server", "shell"]

REFUSED = {"/members": 403, "/payments": 400, "/apps": 500, "/plans": 404, "/memberships": 200}
"""What the proxy does not pass on, and the status it answers with; 200 is a page of text."""


@contextmanager
def echoing(server: Server, refused: dict[str, int]) -> Iterator[str]:
    """A proxy before the server that repeats the credentials it was given; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0].removeprefix("/api/v1")
            given = self.headers["Authorization"]
            status = next((refused[each] for each in refused if path.startswith(each)), None)
            if status is None:
                url = server.base_url + self.path.removeprefix("/api/v1")
                passed = httpx.get(url, headers={"Authorization": given}, timeout=30)
                self.answer(passed.status_code, passed.content)
            elif status == 200:
                self.answer(status, f"<p>Who is {given}? {given}</p>".encode())
            else:
                self.answer(status, json.dumps({"error": {"message": f"Not for {given}"}}).encode())

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}/api/v1"
        http.shutdown()


@pytest.mark.parametrize("refused", [REFUSED, {"/companies": 401}, {"/companies": 502}])
def test_a_key_that_is_repeated_is_in_no_log_table_or_alert(
    shell: Shell, hook: Webhook, server: Server, refused: dict[str, int]
) -> None:
    quick = {"SOURCES__WHOP__BACKOFF_SECONDS": "0.01", "SOURCES__WHOP__MAX_ATTEMPTS": "2"}
    names = [name.strip("/") for name in REFUSED] + ["promo_codes"]
    arguments = [part for name in names for part in ("--tables", name)]
    assert shell("run", "--quiet", *arguments, **quick).code == 0
    with echoing(server, refused) as address:
        quick |= {"SOURCES__WHOP__BASE_URL": address}
        said = shell("run", *arguments, **quick)
        shell("check", **quick)
        shell("status")
    assert said.code in (1, 2)
    (alert,) = hook.new()
    assert "***" in alert and server.api_key not in alert
    assert "***" in shell.everything_said and server.api_key not in shell.everything_said
    with duckdb.connect(str(shell.folder / "whop.duckdb")) as held:
        for table in ("sync_runs", "incidents"):
            text = str(held.sql(f"select * from whop_raw.{table}").fetchall())
            assert "***" in text and server.api_key not in text, table
    for path in shell.folder.rglob("*"):
        if path.is_file():
            assert server.api_key.encode() not in path.read_bytes(), path
