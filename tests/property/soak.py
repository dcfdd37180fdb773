"""Plays new stories for a while: `python -m tests.property.soak MINUTES [FIRST_SEED]`.

Every seed is played on both databases. A story that breaks a promise is printed whole, with the
command that plays it again, and the next seed follows; the exit code is 1 if there was any.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import pytest


def main() -> int:
    """Play the seeds through pytest, which brings the databases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", type=float)
    parser.add_argument("first_seed", type=int, nargs="?", default=1000)
    parser.add_argument("--engine", choices=("duckdb", "postgres"))
    given = parser.parse_args()
    os.environ["WHOP_ELT_MINUTES"] = str(given.minutes)
    os.environ["WHOP_ELT_FIRST_SEED"] = str(given.first_seed)
    os.environ["WHOP_ELT_ENGINES"] = given.engine or "duckdb postgres"
    test = Path(__file__).with_name("long_run.py")
    return int(pytest.main([f"{test}::test_soak", "-q", "-s", "-p", "no:cacheprovider"]))


if __name__ == "__main__":
    sys.exit(main())
