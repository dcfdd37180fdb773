"""Parses an answer, and takes out of its texts what no database, page or terminal wants."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

_SURROGATES = "\ud800-\udfff"
_UNWANTED = re.compile(
    # Control characters but for tab and the ends of lines, and what Unicode says is no character.
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef"
    + "".join(chr(plane * 0x10000 + end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
    + f"{_SURROGATES}]"
)
_HALF_PAIR = re.compile(f"[{_SURROGATES}]")
# Without a flag for upper and lower case, which would make the search several times slower.
_ESCAPED = re.compile(
    rb"\\(?:[bf]|u(?:00(?:0[0-8bBcCeEfF]|1|7[fF]|[89])|[fF][dD][dDeE]|[fF]{3}[eEfF]"
    rb"|[dD][fF][fF][eEfF]))"
)
_RAW = tuple(map(re.compile, (rb"\xc2[\x80-\x9f]", rb"\xbf[\xbe\xbf]", rb"\xef\xb7[\x90-\xaf]")))
"""One each: what begins with a byte of its own is found fastest."""


def decode(content: bytes) -> tuple[Any, int]:
    """Parse a body; take out of its texts, and count, what nobody wants in them.

    Raises:
        ValueError: the body is not JSON.
    """
    if not content:
        return None, 0
    try:
        body = orjson.loads(content)
        unwanted = _may_hold_unwanted(content)
    except orjson.JSONDecodeError:
        # orjson refuses a lone surrogate, which the standard library reads.
        body = json.loads(content, parse_int=_int64)
        unwanted = True
    if not unwanted:
        return body, 0
    cleaned = 0

    def clean(value: Any) -> Any:
        nonlocal cleaned
        if isinstance(value, str):
            if (value.isascii() and value.isprintable()) or not _UNWANTED.search(value):
                return value
            cleaned += 1
            return _UNWANTED.sub("", _HALF_PAIR.sub("\ufffd", value))
        if isinstance(value, list):
            return [clean(item) for item in value]
        if isinstance(value, dict):
            return {clean(key): clean(item) for key, item in value.items()}
        return value

    return clean(body), cleaned


def _may_hold_unwanted(content: bytes) -> bool:
    """Whether a look at every text is worth it: most answers are told to be clean in no time."""
    if b"\\" in content and _ESCAPED.search(content):
        return True
    if b"\x7f" in content:
        return True
    return not content.isascii() and any(pattern.search(content) for pattern in _RAW)


def _int64(digits: str) -> int | float:
    """A number as orjson reads it: one that 64 bits do not hold becomes a float."""
    number = int(digits)
    return number if -(2**63) <= number < 2**64 else float(digits)
