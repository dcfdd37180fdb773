"""What every measurement is given: where the simulator and Postgres are, and the sizes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

LATENCY_SECONDS = 0.3
"""Whop takes 300 to 500 ms for a page; the shorter time is the kinder to those who wait for it."""

REQUESTS_PER_MINUTE = 600
"""What Whop allows per operation and key."""

PAGE_ROWS = 100
"""The most rows Whop puts on a page."""


@dataclass(frozen=True)
class Sizes:
    """How much of everything; the command line's arguments."""

    members: int = 6_700
    """Members of the simulated business; each has some nine payments in three years."""
    window: float = 60.0
    """Seconds over which the share of the request rate is measured."""
    merge_small: int = 100_000
    merge_large: int = 1_000_000
    """Rows of the two tables the same change is merged into."""
    change: int = 10_000
    """Rows of that change, about."""
    dbt_members: int = 106_800
    """Members of the business the models are built for."""
    starts: int = 5
    """How often a command is started."""


@dataclass(frozen=True)
class Setting:
    """Where everything is."""

    workspace: Path
    base_url: str
    api_key: str
    company_id: str
    postgres_url: str | None
    sizes: Sizes

    def folder(self, name: str) -> Path:
        """Folder of a measurement or a preparation; it is where its process runs."""
        return self.workspace / name

    @property
    def simulator(self) -> SimulatorControls:
        """The simulator's controls."""
        return SimulatorControls(self.base_url.removesuffix("/api/v1"))

    def dump(self) -> str:
        """As text, for another process."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def load(cls, text: str) -> Setting:
        """From what `dump` gave."""
        values = json.loads(text)
        sizes = Sizes(**values.pop("sizes"))
        return cls(workspace=Path(values.pop("workspace")), sizes=sizes, **values)


@dataclass(frozen=True)
class SimulatorControls:
    """The addresses of the simulator that Whop does not have (simulator.py)."""

    root_url: str

    def pace(self, *, latency: float, limited: bool) -> None:
        """Forget what was asked, and answer from now on so."""
        limit = REQUESTS_PER_MINUTE if limited else None
        self._ask("PUT", "/pace", {"latency": latency, "rate_limit": limit})
        self._ask("POST", "/reset")

    def advance(self, days: float) -> None:
        """Let days go by in the business."""
        self._ask("POST", "/clock", {"advance_days": days})

    def facts(self) -> dict[str, int]:
        """Number of rows per resource."""
        found: dict[str, int] = self._ask("GET", "/facts")
        return found

    def asked(self, operation: str, within: float | None = None) -> tuple[int, int]:
        """How many requests were answered, and how many refused for coming too fast.

        Args:
            operation: `GET /payments`, or "*" for all.
            within: only those that came in so many seconds from the first on.
        """
        found = self._ask("GET", "/asked").get(operation, {"asked": [], "refused": []})
        asked, refused = (
            sum(within is None or at < within for at in found[kind])
            for kind in ("asked", "refused")
        )
        return asked - refused, refused

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        # Building a page of history can keep it busy for a while when its clock moves.
        response = httpx.request(
            method, f"{self.root_url}/_simulator{path}", json=body, timeout=600
        )
        return response.raise_for_status().json()
