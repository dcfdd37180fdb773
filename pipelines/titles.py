"""Titles as pages and terminals can show them: whatever somebody wrote into one at Whop."""

from __future__ import annotations

import re
import unicodedata

_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(
        f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
    )
    + "]"
)
_SEEN_AS_A_BREAK = {"\x0b", "\x0c", "\x85"}
_UNSEEN = {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"}
"""Categories of Unicode that leave no ink."""


def printable(text: str) -> str:
    """Take out what no page and no terminal shows, and some obey.

    That is control characters (C0 without tab and line ends, C1), half surrogate pairs and
    non-characters. What slides and word processors break a line with is a blank.
    """
    return _UNPRINTABLE.sub(lambda found: " " if found[0] in _SEEN_AS_A_BREAK else "", text)


def named(title: str | None, otherwise: str) -> str:
    """A title as it can be shown; what to say instead when it has none, or nothing of it shows."""
    clean = printable(title or "")
    seen = any(unicodedata.category(character) not in _UNSEEN for character in clean)
    return clean if seen else otherwise
