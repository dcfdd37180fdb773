"""The simulator as a process whose latency and limit can be changed while it runs.

`python -m benchmarks.simulator MEMBERS`; its first line is the one the simulator itself prints.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

import orjson

from whop_simulator import Business, Server

YEARS = 3


class PacedServer(Server):
    """Remembers when each request came, and takes a new pace at PUT /_simulator/pace."""

    def __init__(self, business: Business) -> None:
        super().__init__([business])
        self._times_lock = Lock()
        self._asked_at: defaultdict[str, list[float]] = defaultdict(list)
        self._refused_at: defaultdict[str, list[float]] = defaultdict(list)

    def count(self, operation: str, query: dict[str, list[str]]) -> None:
        """Count the request, and note the time."""
        super().count(operation, query)
        with self._times_lock:
            self._asked_at[operation].append(time.monotonic())

    def over_limit(self, operation: str, key: str) -> float:
        """Say how long to wait, and note the time of a refusal."""
        wait = super().over_limit(operation, key)
        if wait > 0:
            with self._times_lock:
                self._refused_at[operation].append(time.monotonic())
        return wait

    def control(self, method: str, path: str, body: bytes) -> dict[str, Any] | list[Any]:
        """The simulator's controls, and those of the benchmarks."""
        if (method, path) == ("PUT", "/pace"):
            given = orjson.loads(body)
            self.latency, self.rate_limit = given["latency"], given["rate_limit"]
            return {"ok": True}
        if (method, path) == ("GET", "/asked"):
            with self._times_lock:
                return self._told()
        if (method, path) == ("GET", "/facts"):
            (business,) = self.businesses
            return {name: len(business.rows(name)) for name in ("members", "payments")}
        if (method, path) == ("POST", "/reset"):
            with self._times_lock:
                self._asked_at.clear()
                self._refused_at.clear()
        return super().control(method, path, body)

    def _told(self) -> dict[str, Any]:
        """Seconds from the first request on, per operation and for all of them."""
        told = {}
        every = sorted(at for times in self._asked_at.values() for at in times)
        refused = [at for times in self._refused_at.values() for at in times]
        for operation, times, refusals in (
            *((name, times, self._refused_at[name]) for name, times in self._asked_at.items()),
            ("*", every, refused),
        ):
            told[operation] = {
                "asked": [at - times[0] for at in times],
                "refused": [at - times[0] for at in refusals],
            }
        return told


@contextmanager
def running_simulator(members: int) -> Iterator[tuple[str, str, str]]:
    """Start the process; yield base URL, API key and company, and end it afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.simulator", str(members)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().split()
        if len(line) != 3:
            raise RuntimeError("The simulator did not start")
        base_url, api_key, company_id = line
        yield base_url, api_key, company_id
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Build the business, say where it is, and serve until ended."""
    business = Business(members=int(sys.argv[1]), years=YEARS)
    business.rows("payments")
    server = PacedServer(business)
    print(f"{server.base_url} {server.api_key} {business.company_id}", flush=True)
    with suppress(KeyboardInterrupt):
        server.run()


if __name__ == "__main__":
    main()
