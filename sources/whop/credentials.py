"""Takes out of answers what looks like a credential and is not declared: that is loaded nowhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_WORDS = frozenset(
    {"bearer", "credential", "credentials", "jwt", "key", "keys", "otp"}
    | {"passcode", "passwd", "password", "passwords", "presigned", "secret", "secrets"}
    | {"signature", "signed", "token", "tokens", "totp"}
)
_ENDS = ("accesskey", "apikey", "password", "privatekey", "secret", "secretkey", "token")
"""What a word ends with that is two, written as one: `clientsecret`."""
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_SIGNED = re.compile(
    r"^https?://[^\s?]*\?(?:[^\s#]*&)?"
    r"(?:x-amz-signature|x-goog-signature|signature|sig|token|access_token|key|policy|jwt)=",
    re.IGNORECASE,
)
"""An address that lets in whoever has it: S3, Google, Azure and CloudFront write it like this."""


def looks_like_credential(name: str, value: Any = None) -> bool:
    """Whether a field is a credential by a word of its name, or an address that is signed."""
    words = [part.lower() for part in _PARTS.findall(name)]
    if not _WORDS.isdisjoint(words) or any(word.endswith(_ENDS) for word in words):
        return True
    if words[:1] == ["claim"]:
        # What whoever has it can claim: `claim_url`, `claim_code`.
        return True
    if words == ["authorization"]:
        # The header's name; a bank's `authorization_code` lets nobody in.
        return True
    return isinstance(value, str) and _SIGNED.match(value) is not None


class Credentials:
    """Finds credentials in the rows of one table.

    Args:
        declared: the table's columns, nested (`{"user": {"id": …}}`). What they name is loaded
            under its own name, whatever that is (`company_token_balance`).
    """

    def __init__(self, declared: Mapping[str, Any]) -> None:
        self._names = frozenset(declared)
        self._below = [
            (name, Credentials(node)) for name, node in declared.items() if isinstance(node, dict)
        ]

    def take_out(self, row: dict[str, Any], prefix: str = "") -> list[str]:
        """Take them out of a row, and return the paths of what was taken."""
        found: list[str] = []
        # Asking first costs a third of working the difference out, which nearly no row has.
        for name in () if row.keys() <= self._names else row.keys() - self._names:
            if looks_like_credential(name, row[name]):
                del row[name]
                found.append(prefix + name)
            else:
                row[name] = without_credentials(row[name], f"{prefix}{name}__", found)
        for name, node in self._below:
            value = row.get(name)
            if isinstance(value, dict):
                found += node.take_out(value, f"{prefix}{name}__")
        return found


def without_credentials(value: Any, prefix: str = "", found: list[str] | None = None) -> Any:
    """Return a value that has no column, or does not fit its column, without what lets anybody in.

    Args:
        value: of JSON.
        prefix: its path, with `__` behind it.
        found: the paths of what was taken out are added.
    """
    found = [] if found is None else found
    if isinstance(value, dict):
        kept: dict[str, Any] = {}
        for name, item in value.items():
            if looks_like_credential(name, item):
                found.append(prefix + name)
            else:
                kept[name] = without_credentials(item, f"{prefix}{name}__", found)
        return kept
    if isinstance(value, list):
        items = []
        for item in value:
            if looks_like_credential("", item):
                found.append(prefix.removesuffix("__"))
            else:
                items.append(without_credentials(item, prefix, found))
        return items
    return value
