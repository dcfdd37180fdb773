"""Tokens with which a change that was looked at is confirmed: for this one change, soon, once."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from .tool import ToolFailed

VALID_SECONDS = 300.0
"""How long a token is good for."""

_MOST_OPEN = 100
"""Tokens that can be open; the oldest goes first."""


class Confirmations:
    """Hands out tokens, and takes each back once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[str, tuple[str, float]] = {}
        self._guard = threading.Lock()

    def hand_out(self, *change: Any) -> str:
        """A token for a change: everything that it is bound to, ready for JSON."""
        token = secrets.token_urlsafe(16)
        with self._guard:
            while len(self._open) >= _MOST_OPEN:
                del self._open[next(iter(self._open))]
            self._open[token] = (_digest(change), self._clock() + VALID_SECONDS)
        return token

    def take_back(self, token: str, *change: Any) -> None:
        """Use a token up.

        Raises:
            ToolFailed: there is no such token any more, or it is for another change. It is used up
                then as well.
        """
        with self._guard:
            digest, until = self._open.pop(token, ("", 0.0))
        if not digest:
            raise ToolFailed(
                "There is no such confirmation (each works once): leave out confirmation to look "
                "at the change again. Nothing was sent"
            )
        if self._clock() > until:
            raise ToolFailed(
                "The confirmation is older than five minutes: leave it out to look at the change "
                "again. Nothing was sent"
            )
        if not secrets.compare_digest(digest, _digest(change)):
            raise ToolFailed(
                "The confirmation is for another change, or what it changes is not any more as it "
                "was shown: leave it out to look again. Nothing was sent"
            )


def _digest(change: tuple[Any, ...]) -> str:
    return hashlib.sha256(json.dumps(change, sort_keys=True, default=str).encode()).hexdigest()
