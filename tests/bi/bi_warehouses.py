"""Marts on two engines, and the command line that fills them."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg2

WHOP_ELT = Path(sys.executable).with_name("whop-elt")
READER = "superset_reader"


@dataclass
class Warehouse:
    """Marts, and where Superset reads them."""

    engine: str
    address: str
    companies: list[str]
    option: tuple[str, str]
    folder: Path

    def column(self, sql: str) -> tuple[Any, ...]:
        """The one column that a query gives."""
        if self.engine == "duckdb":
            with duckdb.connect(self.address, read_only=True) as connection:
                return tuple(value for (value,) in connection.execute(sql).fetchall())
        with closing(psycopg2.connect(self.address)) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return tuple(value for (value,) in cursor.fetchall())

    def number(self, sql: str) -> float:
        """The one number that a query gives."""
        (value,) = self.column(sql)
        return float(value or 0)


def whop_elt(folder: Path, *arguments: str, **settings: str) -> None:
    """Run the command line in a folder."""
    done = subprocess.run(
        [WHOP_ELT, *arguments],
        cwd=folder,
        env=os.environ | settings,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
