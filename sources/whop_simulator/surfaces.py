"""Which of Whop's two surfaces answers a request: by its header, or by the key's pin.

Dates and rules are those of Whop's page on API versions as of November 2026. Between the two
surfaces lie some fifty dates on each of which a few tables changed; the simulator speaks the two
ends only. A date before payments changed (2026-09-02-1) is answered as Legacy, others as Current.
"""

from __future__ import annotations

from typing import Literal

from .refusal import Refused

Surface = Literal["legacy", "current"]

HEADER = "Api-Version-Date"
LEGACY = "2025-01-01"
"""What a key without a pin gets when no header is sent; the surface that whop-sdk 0.0.40 reads."""
CURRENT = "2026-10-15-1"
"""What a key made on the simulator's day is pinned to; the surface that whop-sdk 2.6.0 reads."""
_PAYMENTS_CHANGED = "2026-09-02-1"

_DAYS = {
    "2025-01": "01",
    "2026-06": "08 09 20",
    "2026-07": "01 08 08-1 18 20 22 23 25 26 27 29 29-1 31",
    "2026-08": "03 05 05-1 10 12 13 14 21 21-1 25 25-1 25-2 31",
    "2026-09": "02 02-1 02-2 04 06 09 09-1 11 11-1 13 15 22 22-1 22-2 22-3 22-4 23 25 29",
    "2026-10": "07-2 08 09-2 13-1 15-1",
}
KNOWN_DATES = tuple(f"{month}-{day}" for month, days in _DAYS.items() for day in days.split())


def surface_of(date: str) -> Surface:
    """The surface that answers for a version date; raises Refused when there is no such version."""
    if date not in KNOWN_DATES:
        listed = ", ".join(KNOWN_DATES)
        raise Refused(400, f"Unknown {HEADER} {date}. Supported versions: {listed}")
    return "current" if date >= _PAYMENTS_CHANGED else "legacy"
