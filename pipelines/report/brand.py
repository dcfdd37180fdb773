"""How the report looks by settings: a name, a logo, a colour, the language of numbers and dates."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import SettingError
from ..figures import ENGLISH
from ..settings import report_setting

KINDS = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
MOST_BYTES = 300_000
"""A logo is in the file, which goes by e-mail."""

LEAST_CONTRAST = 4.5
"""Of a colour against white, so that text in it can be read (WCAG 2.2, 1.4.3)."""


@dataclass(frozen=True)
class Brand:
    """What is said of who sends the report."""

    name: str = ""
    logo: str = ""
    """A data URI."""
    colour: str = ""
    language: str = ENGLISH


def brand() -> Brand:
    """The settings under `[report]`: name, logo, colour, language.

    Raises:
        SettingError: the logo cannot be read, the colour is none, or the language is not known.
    """
    return Brand(
        name=report_setting("name") or "",
        logo=_logo(report_setting("logo")),
        colour=_colour(report_setting("colour")),
        language=_language(report_setting("language")),
    )


def _logo(given: str | None) -> str:
    if not given:
        return ""
    path = Path(given)
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise SettingError(f"REPORT__LOGO is {given}, and must be a {', '.join(KINDS)} file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingError(f"REPORT__LOGO: {given} cannot be read: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise SettingError(
            f"REPORT__LOGO: {given} has {len(content):,} bytes, and may have {MOST_BYTES:,}"
        )
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _colour(given: str | None) -> str:
    if not given:
        return ""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", given):
        raise SettingError(f"REPORT__COLOUR is {given!r}, and must look like #2458c9")
    if _contrast(given) < LEAST_CONTRAST:
        raise SettingError(
            f"REPORT__COLOUR is {given}, which cannot be read on white: take a darker one "
            f"(its contrast is {_contrast(given):.1f}, and must be {LEAST_CONTRAST})"
        )
    return given.lower()


def _contrast(colour: str) -> float:
    """Contrast with white, as WCAG 2.2 defines it."""
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in channels
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 1.05 / (luminance + 0.05)


def _language(given: str | None) -> str:
    if not given or given == ENGLISH:
        return ENGLISH
    from babel import Locale, UnknownLocaleError

    try:
        return str(Locale.parse(given.replace("-", "_")))
    except (UnknownLocaleError, ValueError) as error:
        raise SettingError(
            f"REPORT__LANGUAGE is {given!r}, and must be a language like de, fr or pt_BR"
        ) from error
