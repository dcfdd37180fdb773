"""Posts a text to webhooks that take Slack's JSON."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from threading import Thread

import httpx

from ..log import event

SECONDS = 10.0
"""How long a webhook may take; a run waits no longer for it."""


def send(urls: Sequence[str], text: str, what: str = "an alert") -> int:
    """Post the text to every URL at the same time; return how many took it.

    A URL is a secret, so a failure is told by its number and never in the words of the library.
    """
    # The library would log every address at its level of information.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    outcomes: list[str] = ["no answer in time"] * len(urls)

    def post(number: int, url: str) -> None:
        try:
            answer = httpx.post(url, json={"text": escaped}, timeout=SECONDS)
            outcomes[number] = "" if answer.is_success else f"HTTP status {answer.status_code}"
        except Exception as error:
            outcomes[number] = type(error).__name__

    # Not a pool: it would wait at the end of the process for a webhook that never answers.
    threads = [Thread(target=post, args=each, daemon=True) for each in enumerate(urls)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + SECONDS
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    told = list(outcomes)
    for number, outcome in enumerate(told, start=1):
        if outcome:
            event(
                f"URL {number} of {len(urls)} in ALERTS__URLS did not take {what}: {outcome}",
                logging.WARNING,
            )
    return told.count("")
