"""Landing: from answered pages to rows, with no server and no network in between."""

from __future__ import annotations

import json
import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import httpx
import orjson

from .ours import no_limit, run_sync, stored, use_new_duckdb, use_new_postgres
from .registry import Figures, group, measures, prepares
from .setting import Setting

group(
    "landing",
    "Landing: from answered pages to rows",
    """The same sync of payments into an empty warehouse, with the answers of an earlier one played
    back from a file in place of a server. In it are parsing, typing, comparing and merging.""",
    ["rows", "seconds", "CPU, s", "reading, s", "loading, s", "rows/s", "peak MB"],
)


@prepares("answers", "recording the answers")
def record(setting: Setting) -> Figures:
    """Sync payments once and keep every answer, as it came, and every row, one a line."""
    folder = setting.folder("answers")
    setting.simulator.pace(latency=0, limited=False)
    send = httpx.HTTPTransport.handle_request
    index: list[tuple[str, int, int, list[tuple[str, str]]]] = []
    ids: set[str] = set()
    with (folder / "answers").open("wb") as bodies, (folder / "payments.jsonl").open("wb") as rows:

        def keep(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
            response = send(transport, request)
            body = response.read()
            index.append(
                (str(request.url), bodies.tell(), len(body), response.headers.multi_items())
            )
            bodies.write(body)
            if request.url.path.endswith("/payments"):
                for row in orjson.loads(body)["data"]:
                    if row["id"] not in ids:
                        ids.add(row["id"])
                        rows.write(orjson.dumps(row) + b"\n")
            return response

        with no_limit(), patch.object(httpx.HTTPTransport, "handle_request", keep):
            run_sync(setting, use_new_duckdb(setting, "answers"), ["payments"])
    (folder / "index.json").write_text(json.dumps(index))
    return {}


@measures("landing.duckdb", "DuckDB", needs=["answers"])
def landing_duckdb(setting: Setting) -> Figures:
    """Payments from recorded answers into an empty DuckDB file."""
    return _land(setting, use_new_duckdb(setting, "landing.duckdb"))


@measures("landing.postgres", "Postgres", needs=["answers"], postgres=True)
def landing_postgres(setting: Setting) -> Figures:
    """Payments from recorded answers into an empty Postgres database."""
    return _land(setting, use_new_postgres(setting, "landing.postgres"))


def _land(setting: Setting, destination_name: str) -> Figures:
    with no_limit(), played_back(setting.folder("answers")) as missing:
        report, destination, took = run_sync(setting, destination_name, ["payments"])
    rows = stored(destination, "payments")
    # When the last table was read; what follows is dlt's and the database's.
    reading = max(table.seconds for table in report.tables)
    return {
        "rows": rows,
        "seconds": took.wall,
        "CPU, s": took.cpu,
        "reading, s": reading,
        "loading, s": took.wall - reading,
        "rows/s": rows / took.wall,
        "note": f"{missing()} requests went to the simulator" if missing() else None,
    }


@contextmanager
def played_back(folder: Path) -> Iterator[Callable[[], int]]:
    """Answer what was recorded from the record; yield a count of the requests that were not.

    Raises:
        RuntimeError: nothing was asked of the record: the client does not use httpx any more.
    """
    index: dict[str, tuple[int, int, list[tuple[str, str]]]] = {
        url: (start, length, [(name, value) for name, value in headers])
        for url, start, length, headers in json.loads((folder / "index.json").read_text())
    }
    send = httpx.HTTPTransport.handle_request
    found = missing = 0
    with (
        (folder / "answers").open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as bodies,
    ):

        def answer(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
            nonlocal found, missing
            known = index.get(str(request.url))
            if known is None:
                missing += 1
                return send(transport, request)
            found += 1
            start, length, headers = known
            return httpx.Response(200, headers=headers, content=bodies[start : start + length])

        with patch.object(httpx.HTTPTransport, "handle_request", answer):
            yield lambda: missing
    if not found:
        raise RuntimeError("Nothing was asked of the recorded answers")
