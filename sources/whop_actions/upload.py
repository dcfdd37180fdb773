"""Sends a file's bytes where Whop has said, and waits until Whop has processed it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from whop_source.client import Row, WhopClient
from whop_source.errors import WhopError

from .catalogue import find

Progress = Callable[[str], None]
"""Told, in words, how far a call that takes long has come."""

READY_SECONDS = 300.0
"""How long to wait for Whop to process an uploaded file."""

POLL_SECONDS = 1.0
"""Time between two looks at it."""


def upload_file(client: WhopClient, created: Row, path: Path, progress: Progress) -> Row:
    """Send a file's bytes where Whop has said, and wait until it is ready; return the file."""
    file_id = created["id"]
    try:
        progress(f"sending {path.name} ({path.stat().st_size:,} bytes)")
        status_code = _put(path, created["upload_url"], created.get("upload_headers") or {})
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        # Their texts may repeat the address, which is a credential.
        trouble = type(error).__name__
    else:
        trouble = "" if 200 <= status_code < 300 else f"HTTP {status_code}"
    if trouble:
        raise WhopError(f"file {file_id} is created, but its bytes did not get there: {trouble}")
    began = time.monotonic()
    while True:
        data, _ = client.object("/files", file_id, secrets=find("retrieve-file").secrets)
        status, waited = data["upload_status"], time.monotonic() - began
        if status == "ready":
            return data
        if status == "failed":
            raise WhopError(f"file {file_id} is uploaded, but Whop could not process it")
        if waited >= READY_SECONDS:
            raise WhopError(
                f"file {file_id} is uploaded, but still {status} after {waited:.0f} s: "
                "look again with retrieve-file"
            )
        progress(f"uploaded; Whop says {status} ({waited:.0f} s)")
        time.sleep(POLL_SECONDS)


def _put(path: Path, address: str, headers: Mapping[str, Any]) -> int:
    """Send the bytes to a presigned address, and return the status of the answer."""
    # A client of its own: the key is not for whoever keeps the bytes.
    with httpx.Client(timeout=60) as http, path.open("rb") as content:
        texts = {name: str(value) for name, value in headers.items()}
        request = http.build_request("PUT", address, headers=texts, content=content)
        with _unlogged(str(request.url)):
            return http.send(request).status_code


@contextmanager
def _unlogged(address: str) -> Iterator[None]:
    """Keep a presigned address out of the log that httpx writes of every request."""

    def without(record: logging.LogRecord) -> bool:
        return address not in record.getMessage()

    logger = logging.getLogger("httpx")
    logger.addFilter(without)
    try:
        yield
    finally:
        logger.removeFilter(without)
