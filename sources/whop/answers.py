"""What an answer of Whop's says: its rows, its time, how long to wait, what went wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import orjson

from .errors import (
    BrokenPaging,
    KeyRefused,
    NotFound,
    PermissionMissing,
    RequestRefused,
    WhopError,
)

_TIME_TO_WAIT = re.compile(
    r"\b(?:in|wait|after)\s+(\d+(?:\.\d+)?)\s*(ms|milli\w*|s|sec\w*|m|min\w*|h|hours?)\b",
    re.IGNORECASE,
)


def rows_of(body: dict[str, Any], path: str, secrets: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of a page, each without its secrets."""
    rows, page_info = body.get("data"), body.get("page_info")
    if not isinstance(rows, list) or not isinstance(page_info, dict):
        raise BrokenPaging(f"GET {path}: the answer has no `data` and `page_info`")
    if not isinstance(page_info.get("has_next_page"), bool):
        # Taken for the end, a list that goes on would be one that was read.
        raise BrokenPaging(f"GET {path}: the answer does not say whether the list goes on")
    if not all(isinstance(row, dict) for row in rows):
        raise BrokenPaging(f"GET {path}: not every row is an object")
    for row in rows:
        for name in secrets:
            row.pop(name, None)
    return rows


def time_of(response: httpx.Response) -> datetime:
    """When it was given, UTC: the `Date` header, the local clock where there is none."""
    try:
        return parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return datetime.now(UTC)


def asked_wait(response: httpx.Response, message: str) -> float | None:
    """Seconds the server asks to wait: the `Retry-After` header, else a time in the message."""
    header = response.headers.get("Retry-After", "")
    try:
        seconds = float(header)
    except ValueError:
        try:
            moment = parsedate_to_datetime(header)
        except ValueError:
            seconds = math.nan
        else:
            seconds = (moment.astimezone(UTC) - time_of(response)).total_seconds()
    if math.isfinite(seconds):
        return max(0.0, seconds)
    if response.status_code != 429:
        return None
    found = _TIME_TO_WAIT.search(message)
    return float(found[1]) * _seconds(found[2]) if found else None


def _seconds(unit: str) -> float:
    if unit.lower().startswith(("ms", "milli")):
        return 0.001
    return {"s": 1.0, "m": 60.0, "h": 3600.0}[unit[0].lower()]


def message_of(response: httpx.Response, masked: Callable[[str], str]) -> str:
    """What the server says went wrong, without the key; the shape differs by endpoint."""
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return masked(response.text)[:200]
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, dict) and isinstance(error.get("errors"), list) and error["errors"]:
        error = error["errors"][0]
    if isinstance(error, dict):
        error = error.get("message") or error.get("detail") or error
    return masked(str(error))


def refusal_of(response: httpx.Response, operation: str, message: str) -> WhopError:
    """The error that a refusal is, which says what to set."""
    says = f"{operation}: HTTP {response.status_code}: {message.rstrip('.')}"
    match response.status_code:
        case 401:
            return KeyRefused(f"{says}. Set SOURCES__WHOP__API_KEY to a key that is valid")
        case 403:
            return PermissionMissing(says)
        case 404 | 410:
            return NotFound(says)
        case _:
            return RequestRefused(says)


def ending_of(response: httpx.Response) -> str | None:
    """What the answer's headers say of the end of its operation; None when it is to stay.

    Deprecation is RFC 9745, Sunset RFC 8594, a Link to the successor RFC 8288.
    """
    since, end = response.headers.get("Deprecation"), response.headers.get("Sunset")
    if since is None and end is None:
        return None
    words = ["Whop will retire it"]
    if end is not None:
        words.append(f"on {end[:60]}")
    if since is not None and (at := re.fullmatch(r"@(\d{1,12})", since)):
        words.append(f"(deprecated since {datetime.fromtimestamp(int(at[1]), UTC):%Y-%m-%d})")
    link = response.headers.get("Link", "")
    found = re.search(r"<([^>]{1,200})>[^,]*rel=\"?successor-version", link)
    if found:
        words.append(f"in favour of {found[1]}")
    return " ".join(words) + "; a later release of whop-elt may be needed"
