"""How this Whop behaves where the real one is undocumented, or differs from key to key."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Literal

from .endpoints import ALL_PERMISSIONS
from .surfaces import surface_of


@dataclass(frozen=True)
class Deprecated:
    """A path that will end: since when that is known, what comes after it, and when it ends."""

    since: datetime
    successor: str | None = None
    sunset: datetime | None = None

    def headers(self) -> dict[str, str]:
        """As RFC 9745 (Deprecation), RFC 8288 (Link) and RFC 8594 (Sunset) write them."""
        found = {"Deprecation": f"@{int(self.since.timestamp())}"}
        if self.successor is not None:
            found["Link"] = f'<{self.successor}>; rel="successor-version"'
        if self.sunset is not None:
            found["Sunset"] = format_datetime(self.sunset, usegmt=True)
        return found


@dataclass(frozen=True)
class Options:
    """The switches of the simulator; `serve` takes each of them by name."""

    paging: Literal["keyset", "offset"] = "keyset"
    bounds: Literal["inclusive", "exclusive"] = "exclusive"
    """Of `created_after` and `created_before`, where Whop does not say."""
    refuse: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Parameters that a path answers with 400."""
    tenant: Mapping[str, str] = field(default_factory=dict)
    """The name a path wants for the company, where it is not the surface's own."""
    permissions: Collection[str] = ALL_PERMISSIONS
    """What the key may do."""
    pin: str | None = None
    """The key's version date; None is a key from before August 2026, which gets Legacy."""
    payments_by: Literal["created", "paid"] = "created"
    """What `created_after` of /payments means on Legacy: `paid` is paid time where there is one."""
    unknown: Literal["refuse", "ignore"] = "refuse"
    """A parameter that an endpoint of Current does not know, where nobody knows what Whop does."""
    brackets: bool = False
    """Whether Current understands `statuses[]=a`; else it is a parameter it does not know."""
    additions: bool = True
    """Whether Legacy answers the paths that came later, as Whop's page on versions has it."""
    left_behind: Literal[404, 410] = 404
    """What Current says to a path that only Legacy has (/companies, /entries)."""
    retired: Collection[str] = ("/withdrawals", "/topups")
    """Paths that answer 410 on Current, or on Legacy when it is named (`legacy:/leads`)."""
    deprecated: Mapping[str, Deprecated] = field(default_factory=dict)
    """Paths whose answers say that they will end."""

    def __post_init__(self) -> None:
        if self.pin is not None:
            surface_of(self.pin)
