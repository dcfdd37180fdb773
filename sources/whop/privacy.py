"""Hides personal data, when that is asked for, before anything is written anywhere."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

Pii = Literal["keep", "hash", "drop"]


@dataclass(frozen=True, slots=True)
class Privacy:
    """What becomes of names, e-mails, phones and addresses.

    Attributes:
        mode: `keep` loads them, `drop` loads nothing in their place, `hash` a keyed digest: equal
            values (but for case and outer blanks) have equal digests, so joins still work.
        key: key of the digest.
    """

    mode: Pii = "keep"
    key: str = ""

    def hide(self, value: Any) -> Any:
        """What is loaded in place of a text, or of every text in a JSON value."""
        if self.mode == "keep":
            return value
        if isinstance(value, str):
            return self._digest(value) if self.mode == "hash" else None
        if isinstance(value, list):
            return [self.hide(item) for item in value]
        if isinstance(value, dict):
            return {name: self.hide(item) for name, item in value.items()}
        return value

    def _digest(self, text: str) -> str:
        folded = text.strip().casefold().encode()
        return hashlib.blake2b(folded, digest_size=16, key=self.key.encode()[:64]).hexdigest()


KEEP = Privacy()
"""Hides nothing."""
