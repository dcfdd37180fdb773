"""Settings as people write them: without blanks around them and without what cannot be seen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
"""What comes along when a text is copied from a page: it has no width, and no key or id has it."""

_COMPANY = re.compile(r"[A-Za-z0-9_-]+")


def seen(text: str) -> str:
    """The text without blanks and line ends around it and without characters of no width."""
    return _UNSEEN.sub("", text).strip()


def companies(ids: Sequence[str], setting: str) -> list[str]:
    """The ids of companies, each once.

    Args:
        ids: as they were written.
        setting: the setting they come from.

    Raises:
        ValueError: one is no id.
    """
    found = [each for each in dict.fromkeys(map(seen, ids)) if each]
    for each in found:
        if not _COMPANY.fullmatch(each):
            raise ValueError(f"{setting} has {each!r}, no company: it looks like biz_AbC123")
    return found


def address(text: str, example: str) -> str:
    """The root of the API.

    Raises:
        ValueError: it is no address.
    """
    url = seen(text)
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or not url.isprintable() or " " in url or "?" in url or "#" in url:
        raise ValueError(f"SOURCES__WHOP__BASE_URL is {url!r}, no address: {example}")
    return url
