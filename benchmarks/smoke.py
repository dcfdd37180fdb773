"""Whether every measurement runs at all, on a tiny business: `python -m benchmarks.smoke`."""

from __future__ import annotations

import sys

from .__main__ import run
from .everything import MEASUREMENTS, chosen
from .setting import Sizes

TINY = Sizes(
    members=60,
    window=2,
    merge_small=1_000,
    merge_large=3_000,
    change=50,
    dbt_members=120,
    starts=1,
)


def smoke() -> None:
    """Run everything there is; the figures mean nothing.

    Raises:
        AssertionError: a measurement failed, and which.
    """
    names = [name for name, each in MEASUREMENTS.items() if each.group is not None]
    text, failed = run(chosen(names), TINY, None, "python -m benchmarks.smoke")
    print(text)
    assert not failed, failed


if __name__ == "__main__":
    smoke()
    print("All measurements run", file=sys.stderr)
