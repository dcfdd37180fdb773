"""The measurements by name, what each needs beforehand, and how its table looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .setting import Setting

Figures = dict[str, float | str | None]
"""What a measurement found, by column. A key no column of the group names is left out."""

Work = Callable[[Setting], Figures]


@dataclass(frozen=True, eq=False)
class Group:
    """Measurements that are compared with each other, in one table."""

    name: str
    title: str
    text: str
    """What the rows have in common; printed above the table."""
    columns: Sequence[str]
    compared: str | None = None
    """Column of the ratio, where there is one: that of the baseline divided by the row's own."""
    baselines: Sequence[str] = ()
    """Names of the measurements others are compared with: a row with the last of them above it."""
    ratio: str = "ours ÷ this"
    """Heading of the ratio."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """One row of a table; or, without a group, something measurements need done beforehand."""

    name: str
    label: str
    run: Work
    group: Group | None = None
    needs: Sequence[str] = ()
    """Names of preparations, in their order; each is done once in a run."""
    postgres: bool = False
    """Whether it needs a Postgres server."""
    by_default: bool = True
    """Whether it runs without being asked for by `--only`."""
    moves_clock: bool = False
    """Whether it moves the simulator's clock: what is to hold the business as it was is prepared
    before."""


GROUPS: dict[str, Group] = {}
MEASUREMENTS: dict[str, Measurement] = {}


def group(name: str, title: str, text: str, columns: Sequence[str], **options: Any) -> Group:
    """Register a table; the options are fields of `Group`."""
    GROUPS[name] = Group(name, title, " ".join(text.split()), columns, **options)
    return GROUPS[name]


def measures(
    name: str,
    label: str,
    *,
    needs: Sequence[str] = (),
    postgres: bool = False,
    by_default: bool = True,
) -> Callable[[Work], Work]:
    """Register a function as the measurement `name`: the part before the dot is its group."""

    def register(work: Work) -> Work:
        of = GROUPS[name.partition(".")[0]]
        MEASUREMENTS[name] = Measurement(name, label, work, of, needs, postgres, by_default)
        return work

    return register


def prepares(
    name: str,
    label: str,
    *,
    needs: Sequence[str] = (),
    postgres: bool = False,
    moves_clock: bool = False,
) -> Callable[[Work], Work]:
    """Register a function as the preparation `name`."""

    def register(work: Work) -> Work:
        MEASUREMENTS[name] = Measurement(
            name, label, work, None, needs, postgres, moves_clock=moves_clock
        )
        return work

    return register
