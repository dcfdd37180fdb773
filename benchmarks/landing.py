"""Landing: from answered pages to rows, with no server and no network in between."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import orjson

from .ours import no_limit, run_sync, stored, use_new_duckdb, use_new_postgres
from .registry import Figures, group, measures, prepares
from .setting import PAGE_ROWS, Setting

group(
    "landing",
    "Landing: from answered pages to rows",
    """The same sync of payments into an empty warehouse, with pages of recorded rows in place of a
    server. In it are parsing, typing, comparing and merging.""",
    ["rows", "seconds", "CPU, s", "reading, s", "loading, s", "rows/s", "peak MB"],
)


@prepares("answers", "recording the answers")
def record(setting: Setting) -> Figures:
    """Walk the payments once, and keep every row as it came, one a line, oldest first."""
    setting.simulator.pace(latency=0, limited=False)
    params: dict[str, Any] = {
        "first": PAGE_ROWS,
        "company_id": setting.company_id,
        "include_free": "true",
        "order": "created_at",
        "direction": "asc",
    }
    with (
        httpx.Client(headers={"Authorization": f"Bearer {setting.api_key}"}, timeout=600) as client,
        (setting.folder("answers") / "payments.jsonl").open("wb") as rows,
    ):
        while True:
            response = client.get(f"{setting.base_url}/payments", params=params)
            body = response.raise_for_status().json()
            rows.writelines(orjson.dumps(row) + b"\n" for row in body["data"])
            if not body["page_info"]["has_next_page"]:
                return {}
            params["after"] = body["page_info"]["end_cursor"]


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
    """Answer for payments from the recorded rows; yield a count of the requests that were not.

    Raises:
        RuntimeError: nothing was asked of the record: the client does not use httpx any more.
    """
    rows = (folder / "payments.jsonl").read_bytes().splitlines()
    created = [orjson.loads(row)["created_at"] for row in rows]
    send = httpx.HTTPTransport.handle_request
    found = missing = 0

    def answer(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        nonlocal found, missing
        asked = request.url.params
        if not request.url.path.endswith("/payments"):
            missing += 1
            return send(transport, request)
        found += 1
        first = bisect_left(created, asked.get("created_after", ""))
        last = bisect_right(created, asked.get("created_before", "9"))
        if asked["direction"] == "desc":
            page, cursor = rows[max(first, last - PAGE_ROWS) : last][::-1], last - PAGE_ROWS
            more = cursor > first
        else:
            first = int(asked.get("after", first))
            page, cursor = rows[first : min(first + PAGE_ROWS, last)], first + PAGE_ROWS
            more = cursor < last
        info = b'{"has_next_page":%s,"end_cursor":"%d"}' % (b"true" if more else b"false", cursor)
        body = b'{"data":[%s],"page_info":%s}' % (b",".join(page), info)
        return httpx.Response(200, headers={"content-type": "application/json"}, content=body)

    with patch.object(httpx.HTTPTransport, "handle_request", answer):
        yield lambda: missing
    if not found:
        raise RuntimeError("Nothing was asked of the recorded answers")
