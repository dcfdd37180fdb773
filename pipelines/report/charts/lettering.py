"""How wide a text may get. Nobody knows the font it will be read in, so the wide ones count."""

from __future__ import annotations

import re
import unicodedata

SIZE = 11
"""Pixels of the letters of a chart; the page's style says the same."""

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

# In parts of the letters' size, of Verdana and DejaVu Sans, the widest of those pages are read in.
_WIDTHS = {
    **dict.fromkeys("ijlI|!.,:;'`", 0.36),
    **dict.fromkeys('frt()[]{}/\\-" ', 0.42),
    **dict.fromkeys("mwMWQGO@%&", 0.98),
    "$": 0.64,
}
_OTHERS = {"Lu": 0.74, "Ll": 0.63, "Nd": 0.64, "Mn": 0.0, "Me": 0.0, "Cf": 0.0, "So": 1.4}
_REST = 0.85

_MARKS = "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]"
_ACCENTS = re.compile(f"({_MARKS}{{3}}){_MARKS}+")
"""Marks for letters of all scripts, more than three of them in a row; no language has so many."""

_JOINER = "\N{ZERO WIDTH JOINER}"


def width(text: str) -> float:
    """Pixels that a text takes at most in the usual fonts."""
    return SIZE * sum(map(_part, text))


def shorten(text: str, room: float) -> str:
    """A text on one line, cut with an ellipsis when it may be wider than the room (pixels).

    Of accents on one letter, which would be piled up over the lines above, the first ones stay.
    """
    text = _ACCENTS.sub(r"\1", " ".join(text.split()))
    if width(text) <= room:
        return text
    left = room - width(ELLIPSIS)
    end = 0
    for character in text:
        left -= SIZE * _part(character)
        if left < 0:
            break
        end += 1
    # Not between a letter and its accents, nor within a picture made of several.
    while 0 < end < len(text) and (_adds(text[end]) or text[end - 1] == _JOINER):
        end -= 1
    return text[:end].rstrip() + ELLIPSIS


def _part(character: str) -> float:
    if character in _WIDTHS:
        return _WIDTHS[character]
    if unicodedata.east_asian_width(character) in "WF":
        return 1.4 if unicodedata.category(character) == "So" else 1.05
    return _OTHERS.get(unicodedata.category(character), _REST)


def _adds(character: str) -> bool:
    return character == _JOINER or unicodedata.category(character) in {"Mn", "Mc", "Me", "Sk"}
