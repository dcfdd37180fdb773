"""Plays seeds again: `python -m tests.property.replay SEED … [--engine postgres] [--steps N]`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import pytest


def main() -> int:
    """Play the seeds through pytest, which brings the databases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", type=int, nargs="+")
    parser.add_argument("--engine", choices=("duckdb", "postgres"), default="duckdb")
    parser.add_argument("--steps", type=int)
    given = parser.parse_args()
    os.environ["WHOP_ELT_SEEDS"] = " ".join(map(str, given.seed))
    if given.steps is not None:
        os.environ["WHOP_ELT_STEPS"] = str(given.steps)
    test = Path(__file__).with_name("long_run.py")
    return int(pytest.main([f"{test}::test_seeds[{given.engine}]", "-q", "-p", "no:cacheprovider"]))


if __name__ == "__main__":
    sys.exit(main())
