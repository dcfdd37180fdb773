"""Keeps to the number of requests that Whop allows."""

from __future__ import annotations

import threading
import time
from collections import deque

REQUESTS_PER_MINUTE = 590
"""Whop allows 600 a minute per operation and key. Ten are left to the distance between the moment
we send and the moment Whop counts."""


class RateLimit:
    """Lets at most `limit` requests start in any `seconds` for each operation; the others wait."""

    def __init__(self, limit: int = REQUESTS_PER_MINUTE, seconds: float = 60.0) -> None:
        self._limit = limit
        self._seconds = seconds
        self._started: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def wait(self, operation: str, stopped: threading.Event) -> None:
        """Return when a request to `operation` may start, and count it, or once it may not.

        Args:
            operation: what is counted by itself.
            stopped: set when what waits is not to be sent; whoever else waits goes on waiting.
        """
        while not stopped.is_set():
            with self._lock:
                now = time.monotonic()
                started = self._started.setdefault(operation, deque())
                while started and now - started[0] >= self._seconds:
                    started.popleft()
                if len(started) < self._limit:
                    started.append(now)
                    return
                pause = self._seconds - (now - started[0])
            stopped.wait(pause)
