"""All measurements, in the order in which they run."""

from __future__ import annotations

# Imported for what they register.
from . import first_load, landing, later_runs, models, start_up  # noqa: F401
from .registry import GROUPS, MEASUREMENTS, Measurement

__all__ = ["GROUPS", "MEASUREMENTS", "ORDER", "chosen"]

ORDER = ("limit", "load", "landing", "start", "dbt", "later", "merge")
"""Groups; those that move the simulator's clock come last."""


def chosen(only: list[str]) -> list[Measurement]:
    """The measurements to run: all, or those of the given names and groups.

    Raises:
        ValueError: there is none of that name.
    """
    found = [
        each
        for name in ORDER
        for each in MEASUREMENTS.values()
        if each.group is not None and each.group.name == name
    ]
    if not only:
        return [each for each in found if each.by_default]
    for name in only:
        if not any(name in (each.name, each.name.partition(".")[0]) for each in found):
            names = ", ".join([*ORDER, *(each.name for each in found)])
            raise ValueError(f"no measurement {name}; there are: {names}")
    # A group brings what runs by default; the rest is asked for by its full name.
    return [
        each
        for each in found
        if each.name in only or (each.by_default and each.name.partition(".")[0] in only)
    ]
