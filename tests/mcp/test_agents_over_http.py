"""`whop-elt mcp` as a process: over HTTP with a token, over stdio, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from talking import WHOP_ELT, told

from whop_simulator import Business, Server, serve

TOKEN = "a-token-that-is-long-enough"
KEY = "key-that-no-answer-may-hold-51d0"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def whop() -> Iterator[Server]:
    with serve(Business(members=20, years=0.5), api_key=KEY) as server:
        yield server


@contextmanager
def started(
    whop: Server, folder: Path, *options: str, **env: str
) -> Iterator[tuple[str, list[str]]]:
    """A server of its own: its address, and what it has said until it was up."""
    process = subprocess.Popen(
        [WHOP_ELT, "mcp", "--http", "--port", "0", *options],
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "SOURCES__WHOP__API_KEY": KEY,
            "SOURCES__WHOP__BASE_URL": whop.base_url,
            **env,
        },
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said: list[str] = []
    try:
        while not (found := re.search(r"http://127\.0\.0\.1:\d+/mcp", said[-1] if said else "")):
            line = process.stderr.readline()
            assert line, said
            said.append(line)
        for _ in range(100):
            try:
                httpx.get(found.group(), timeout=5)
                break
            except httpx.ConnectError:
                time.sleep(0.1)
        yield found.group(), said
    finally:
        process.terminate()
        process.wait(20)
        rest = process.stderr.read()
        assert KEY not in rest
        assert "Traceback" not in rest


def refused(address: str, **headers: str) -> int:
    return httpx.post(
        address, json=INITIALIZE, headers={**ACCEPT, **headers}, timeout=30
    ).status_code


def test_over_http_a_client_reads_with_the_token_and_nobody_without(
    whop: Server, tmp_path: Path
) -> None:
    async def speak(address: str, mode: Any) -> str:
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)
        async with http, Client(streamable_http_client(address, http_client=http), mode=mode) as c:
            names = {tool.name for tool in (await c.list_tools()).tools}
            assert "overview" in names and "whop_update_plan" not in names
            return str((await told(c, "whop_retrieve_company", id="me")).data["id"])

    with started(whop, tmp_path, WHOP_ELT_MCP_TOKEN=TOKEN) as (address, said):
        assert TOKEN not in "".join(said)  # one's own is not printed
        right = {"Authorization": f"Bearer {TOKEN}"}
        for mode in ("auto", "legacy"):
            assert asyncio.run(speak(address, mode)) == whop.businesses[0].company_id
        assert refused(address) == 401
        assert refused(address, Authorization="Bearer wrong") == 401
        assert refused(address, Authorization=f"Bearer {TOKEN}x") == 401
        assert refused(address, Authorization=f"Basic {TOKEN}") == 401
        assert refused(f"{address}?token={TOKEN}") == 401
        # A page in a browser, whose name has been pointed at this machine
        assert refused(address, Host="evil.example", **right) == 421
        assert refused(address, Host="evil.example:80", **right) == 421
        assert refused(address, Origin="https://evil.example", **right) == 403
        assert refused(address, Origin="null", **right) == 403
        assert refused(address, **right) == 200
        assert httpx.get(address.replace("/mcp", "/"), timeout=30).status_code == 404


def test_a_token_is_made_and_told_once_when_none_is_set(whop: Server, tmp_path: Path) -> None:
    with started(whop, tmp_path) as (address, said):
        (made,) = re.findall(r"Authorization: Bearer (\S{32,})", "".join(said))
        assert refused(address, Authorization=f"Bearer {made}") == 200
        assert refused(address, Authorization=f"Bearer {made[:-1]}") == 401


def test_it_listens_on_loopback_alone(whop: Server, tmp_path: Path) -> None:
    with started(whop, tmp_path, WHOP_ELT_MCP_TOKEN=TOKEN) as (address, _):
        port = int(address.split(":")[2].split("/")[0])
        with socket.socket() as other:
            other.settimeout(5)
            # Another address of this machine's: who listens on all of them is reached here too.
            assert other.connect_ex(("127.0.0.2", port)) != 0


def run(folder: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [WHOP_ELT, "mcp", *options],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_token_that_can_be_guessed_and_a_port_in_use_are_one_line(tmp_path: Path) -> None:
    short = run(tmp_path, "--http", WHOP_ELT_MCP_TOKEN="short")
    assert short.returncode == 1
    assert short.stderr.strip() == "WHOP_ELT_MCP_TOKEN must have at least 16 characters"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        busy = run(tmp_path, "--http", "--port", port, WHOP_ELT_MCP_TOKEN=TOKEN)
    assert busy.returncode == 1
    (line,) = busy.stderr.splitlines()
    assert line.startswith(f"--port {port} cannot be used")


def test_over_stdio_it_ends_when_the_client_hangs_up_and_has_written_no_word_of_its_own(
    tmp_path: Path,
) -> None:
    ended = run(tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "Traceback" not in ended.stderr


def test_without_the_extra_one_line_says_what_to_install(tmp_path: Path) -> None:
    without = (
        "import sys; sys.modules['mcp'] = None; sys.argv = ['whop-elt', 'mcp']; "
        "from whop_elt.cli import main; main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", without], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "pip install 'whop-elt[mcp]'" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_start_loads_neither_dlt_nor_a_database() -> None:
    """Why it starts in under a second: what is heavy waits for the first question."""
    script = (
        "import atexit, sys; heavy = {'dlt', 'duckdb', 'psycopg2', 'pyarrow', 'sqlglot', 'dbt', "
        "'jsonschema', 'jinja2'}; "
        "atexit.register(lambda: print(sorted(heavy & set(sys.modules)), file=sys.stderr)); "
        "from whop_elt.cli import main; sys.argv = ['whop-elt', 'mcp', '--allow-writes']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(INITIALIZE) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["result"]["serverInfo"]["name"]
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_over_standard_input_a_signal_ends_the_server_at_once(
    whop: Server, tmp_path: Path, number: signal.Signals
) -> None:
    """It waits for a line, and a client that has gone sends none."""
    process = subprocess.Popen(
        [WHOP_ELT, "mcp"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(INITIALIZE) + "\n")
        process.stdin.flush()
        assert "serverInfo" in process.stdout.readline()
        process.send_signal(number)
        assert process.wait(10) == -number
    finally:
        process.kill()
        process.wait()
