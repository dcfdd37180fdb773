"""Writes Superset's bundle for one's own warehouse: the files that ship, with its address."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .. import address
from ..errors import SettingError
from .datasets import DATABASE
from .generate import BUNDLE, as_text, database

_MARK = ".whop-elt-bi"
"""A file that says a folder was written by us, and may be written again."""


def duckdb_database(path: Path) -> dict[str, Any]:
    """The connection to the copy for readers; it can read that file and no other.

    Raises:
        SettingError: it is the warehouse itself, which nobody may keep open, and holds names.
    """
    if path.name == "whop.duckdb":
        raise SettingError(
            "--duckdb is the copy for readers, whop-marts.duckdb: while a tool has whop.duckdb "
            "open no run can write, and names and e-mail addresses are in it"
        )
    # Superset asks for SQL of anybody who may use its SQL Lab: DuckDB's could read any file there.
    config = {
        "access_mode": "READ_ONLY",
        "enable_external_access": False,
        "lock_configuration": True,
    }
    where = quote(str(path.absolute()))
    return database(f"duckdb:///{where}", {"connect_args": {"config": config}})


def postgres_database(url: str) -> dict[str, Any]:
    """The connection to a Postgres, in UTC and reading only.

    Raises:
        SettingError: the address cannot be read.
    """
    try:
        checked = address.checked(url)
    except SettingError as wrong:
        raise SettingError(str(wrong).replace(address.SETTING, "--postgres")) from wrong
    uri = re.sub(r"^postgresql://", "postgresql+psycopg2://", checked)
    options = "-c timezone=UTC -c default_transaction_read_only=on"
    return database(uri, {"connect_args": {"options": options}})


def write_bundle(folder: Path, connection: dict[str, Any]) -> int:
    """Write the bundle with this connection; return how many files it has.

    Raises:
        SettingError: the folder holds something else.
    """
    if folder.exists() and (
        not folder.is_dir() or (any(folder.iterdir()) and not (folder / _MARK).exists())
    ):
        raise SettingError(f"--output {folder} is there, and not ours: give a new folder")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(BUNDLE, folder)
    (folder / _MARK).touch()
    place = folder / "databases" / f"{DATABASE}.yaml"
    # The password may be in it.
    place.unlink()
    place.touch(mode=0o600)
    place.write_text(as_text(connection))
    return sum(1 for each in folder.rglob("*.yaml") if each.is_file())
