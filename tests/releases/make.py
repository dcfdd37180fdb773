"""Writes down which columns the tables of this release have: `python -m tests.releases.make`.

Run at each release, and kept: later releases are tested with a warehouse of these columns.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

from tests.warehouse import RAW_TABLES

if __name__ == "__main__":
    tables = {name: " ".join(columns) for name, columns in RAW_TABLES.items()}
    tables["sync_runs"] += " seconds"
    path = Path(__file__).parent / f"{version('whop-elt')}.json"
    if path.exists():
        raise SystemExit(f"{path} is kept as it is: the version in pyproject.toml comes first")
    path.write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")
