"""Writes into the descriptions of the marts the types that a built warehouse has in them.

For a new mart: without its contract (`config: {contract: {enforced: false}}`) build it once into a
DuckDB file, then `python tests/data_types.py whop.duckdb`, and take that line out again.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import duckdb

PROJECT = Path(__file__).resolve().parent.parent / "dbt" / "models"
NAMES = {"varchar": "text", "timestamp with time zone": "timestamptz"}
"""Names of types that DuckDB and Postgres both know."""


def fill_in(text: str, types: dict[tuple[str, str], str]) -> str:
    """The properties with a `data_type` for each column that has none and is among the types."""
    lines: list[str] = []
    model = ""
    given = text.splitlines()
    for number, line in enumerate(given):
        lines.append(line)
        if found := re.fullmatch(r"  - name: (\w+)", line):
            model = found[1]
        elif found := re.fullmatch(r"( +)- name: (\w+)", line):
            kind = types.get((model, found[2]))
            follows = given[number + 1] if number + 1 < len(given) else ""
            if kind and "data_type:" not in follows:
                lines.append(f"{found[1]}  data_type: {kind}")
    return "\n".join(lines) + "\n"


def main(warehouse: str) -> None:
    """Fill the files in."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        rows = connection.execute(
            "select table_name, column_name, lower(data_type) from information_schema.columns "
            "where table_schema in ('whop_marts', 'whop_personal')"
        ).fetchall()
    types = {
        (table, column): NAMES.get(kind, kind).replace(",", ", ").replace(",  ", ", ")
        for table, column, kind in rows
    }
    for folder in ("marts", "personal"):
        for path in (PROJECT / folder).glob("_*.yml"):
            text = path.read_text(encoding="utf-8")
            if text.startswith("version: 2\n\nmodels:") or "\nmodels:\n" in text:
                path.write_text(fill_in(text, types), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
