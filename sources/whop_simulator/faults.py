"""What can go wrong between a client and Whop, switched on per operation."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Literal

FaultKind = Literal[
    "status", "drop", "cut", "html", "repeat_cursor", "slow", "strip_version", "echo_key"
]  # fmt: skip
_BESIDE = ("strip_version", "echo_key")
"""Kinds that change how another fault, or the answer, comes about."""


@dataclass
class Fault:
    """One thing that goes wrong, and for which of an operation's requests.

    `status`: that status instead of the answer (429 names the time to wait, `seconds`).
    `drop`: the connection is closed without an answer. `cut`: the body breaks off in the middle.
    `html`: a page that is not JSON. `repeat_cursor`: every page says there is a next one, under the
    same cursor. `slow`: the answer takes `seconds` longer. `strip_version`: something between drops
    the version header, and the key's pin decides. `echo_key`: whatever is refused repeats the key.
    The last two go together with any other.

    Requests are counted from 1 when the fault is added. It hits those in `at`, every one from
    `since` on, or each with a `probability`; with none of the three, all of them.
    """

    kind: FaultKind
    status: int = 503
    seconds: float = 1.0
    at: Sequence[int] = ()
    since: int | None = None
    probability: float | None = None
    retry_after: bool = False
    seed: int = 0
    seen: int = field(default=0, init=False)
    _dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    def strikes(self) -> bool:
        """Count one request, and say whether this one is hit."""
        self.seen += 1
        if self.probability is not None:
            return self._dice.random() < self.probability
        if self.since is not None:
            return self.seen >= self.since
        return not self.at or self.seen in self.at


class Faults:
    """The faults that are switched on, by operation such as `GET /payments`; `*` is every one."""

    def __init__(self) -> None:
        self._faults: dict[str, list[Fault]] = {}
        self._lock = Lock()

    def add(self, operation: str, fault: Fault) -> Fault:
        """Switch one on."""
        with self._lock:
            self._faults.setdefault(operation, []).append(fault)
        return fault

    def clear(self) -> None:
        """Switch all of them off."""
        with self._lock:
            self._faults.clear()

    def replace(self, faults: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Switch on exactly these, each written as the fields of a Fault."""
        made = {name: [Fault(**fields) for fields in listed] for name, listed in faults.items()}
        with self._lock:
            self._faults = made

    def strike(self, operation: str) -> tuple[Fault | None, set[str]]:
        """The first fault that hits this request, and the kinds that go together with it.

        All that could hit are counted.
        """
        with self._lock:
            listed = [*self._faults.get(operation, ()), *self._faults.get("*", ())]
            hits = [fault for fault in listed if fault.strikes()]
        beside = {fault.kind for fault in hits if fault.kind in _BESIDE}
        return next((fault for fault in hits if fault.kind not in _BESIDE), None), {*beside}
