"""What a run is given: one value, the same for all its companies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .client import WhopClient
from .planning import Settings, TableState
from .privacy import Privacy
from .resources import Resource
from .run_report import RunReport
from .structure import Structure


@dataclass(frozen=True)
class RunContext:
    """What a run is given.

    Attributes:
        client: the API.
        resources: the tables to read.
        settings: how far to reach back.
        pipeline: the dlt pipeline whose destination is compared with, and in whose folder the rows
            that were read wait for the end of the run.
        states: by company and table, what the last good run left.
        report: filled with a row per table.
        privacy: what becomes of personal data.
        structure: what the destination lacks of the tables.
        named: tables that were chosen by name.
        strict: raise the first error instead of noting it and going on with the other tables.
    """

    client: WhopClient
    resources: Sequence[Resource]
    settings: Settings
    pipeline: Any
    states: Mapping[str, Mapping[str, TableState]]
    report: RunReport
    privacy: Privacy
    structure: Structure
    named: Collection[str]
    strict: bool
