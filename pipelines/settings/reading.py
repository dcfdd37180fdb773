"""How a setting is read from wherever it stands, and cleaned of what was pasted along."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dlt

from ..errors import SettingError
from .defaults import prepare
from .wrong import explained, name_of


def get(field: str, kind: type[Any] | None = None, *, secret: bool = False) -> Any:
    """A setting by its place in .dlt, `sources.whop.tables`; None when nobody has set it."""
    prepare()
    accessor = dlt.secrets if secret else dlt.config
    with explained():
        # Asked for with its type, an empty text would be a wrong value.
        if accessor.get(field) in (None, ""):
            return None
        return accessor.get(field, kind) if kind else accessor.get(field)


def get_text(field: str, *, secret: bool = False) -> str | None:
    """An id, a key, an address or a word, cleaned; None when nobody has set it, "" when empty."""
    prepare()
    value: Any
    with explained():
        value = (dlt.secrets if secret else dlt.config).get(field)
    return None if value is None else cleaned(str(value), name_of(field))


def get_texts(field: str) -> list[str]:
    """A list of them, each once; empty when nobody has set it."""
    return unique(get(field, list), name_of(field))


def own(name: str, given: str | None = None) -> str | None:
    """A setting of ours: what is given, WHOP_ELT_<NAME>, or `[whop_elt] <name>` of a file."""
    return given or os.environ.get(f"WHOP_ELT_{name.upper()}") or get_text(f"whop_elt.{name}")


def own_secret(name: str) -> str:
    """A setting of ours that may be in .dlt/secrets.toml; in a password blanks may be."""
    value = os.environ.get(f"WHOP_ELT_{name.upper()}") or get(f"whop_elt.{name}", secret=True)
    return "" if value is None else str(value).strip()


def own_path(name: str) -> Path | None:
    """A setting of ours that is a file or a folder."""
    # A folder's name may have blanks and letters that no id has: it is not cleaned.
    value = os.environ.get(f"WHOP_ELT_{name.upper()}", "").strip() or get(f"whop_elt.{name}")
    text = str(value or "").strip()
    return Path(text) if text else None


def unique(values: Sequence[Any] | None, name: str) -> list[str]:
    """The values cleaned, without those that are empty, each once."""
    return [each for each in dict.fromkeys(cleaned(str(v), name) for v in values or ()) if each]


def cleaned(value: str, name: str) -> str:
    """An id, a key or an address without what was pasted along.

    Raises:
        SettingError: it has a character inside that none has; the text names the character, not
            the value.
    """
    # Cf: characters without a width, the byte order mark among them.
    text = "".join(each for each in value if unicodedata.category(each) != "Cf").strip()
    for each in text:
        if each.isspace() or not each.isprintable() or not each.isascii():
            what = unicodedata.name(each, f"U+{ord(each):04X}").lower()
            what = "line end" if each in "\r\n" else what
            raise SettingError(f"{name} has a {what} in the middle: copy it once more")
    return text
