"""Asks for what a first run needs, and writes it where dlt reads it."""

from __future__ import annotations

import getpass
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import tomlkit
from tomlkit.items import Table

from . import address, settings
from .errors import SettingError
from .settings.reading import cleaned

FOLDER = Path(".dlt")
SECRETS = FOLDER / "secrets.toml"
CONFIG = FOLDER / "config.toml"

Answer = TypeVar("Answer")


def ask_and_write() -> list[str]:
    """Ask on the terminal, or take the lines of a pipe, and write the two files.

    Returns:
        What to tell: where the settings are, and the line for cron.

    Raises:
        SettingError: there are such files already, or the answers ended; nothing is written.
    """
    for file in (SECRETS, CONFIG):
        if file.exists():
            raise SettingError(f"There is a {file.resolve()} already: change that, or take it away")
    key = _ask("API key (Whop's dashboard, Developer)", _key, hidden=True)
    company = _ask("Company, biz_… (empty: the key's own)", _company)
    tables = _ask("Tables, with commas between (empty: all that are lists)", _tables)
    destination = _ask("Destination, duckdb or postgres (empty: duckdb)", _destination)
    where = ""
    if destination == "postgres":
        where = _ask(f"Its address, {address.FORM}", address.checked, hidden=True)

    source = _table(api_key=key)
    secrets = tomlkit.document().append("sources", _table(whop=source))
    if where:
        secrets.append("destination", _table(postgres=_table(credentials=where)))
    config = tomlkit.document()
    if company or tables:
        chosen = {"company_id": company, "tables": tables}
        named = _table(**{name: value for name, value in chosen.items() if value})
        config.append("sources", _table(whop=named))
    config.append("whop_elt", _table(destination=destination))
    FOLDER.mkdir(exist_ok=True)
    for file, document in ((SECRETS, secrets), (CONFIG, config)):
        # Nobody else's to read, and never in place of another one.
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as text:
            text.write(tomlkit.dumps(document))
    return [
        f"Written: {SECRETS} (for nobody else's eyes) and {CONFIG}.",
        "Next: `whop-elt check` asks whether it works, `whop-elt run` loads and models.",
        "For cron, every hour:",
        _cron_line(Path.cwd(), Path(sys.argv[0])),
    ]


def _ask(question: str, read: Callable[[str], Answer], *, hidden: bool = False) -> Answer:
    """Ask until the answer is one that a run would take."""
    while True:
        print(f"{question}: ", end="", file=sys.stderr, flush=True)
        seen = not (hidden and sys.stdin.isatty())
        line = sys.stdin.readline() if seen else getpass.getpass("") + "\n"
        if not line:
            raise SettingError("The answers ended before the questions; nothing is written")
        try:
            return read(line.strip())
        except SettingError as wrong:
            print(wrong, file=sys.stderr)


def _key(text: str) -> str:
    key = cleaned(text, "The key")
    if not key:
        raise SettingError("Without a key there is nothing to read")
    return key


def _company(text: str) -> str:
    return cleaned(text, "The company")


def _tables(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if names:
        settings.tables(names)
    return names


def _destination(text: str) -> str:
    name = text.lower() or "duckdb"
    if name not in ("duckdb", "postgres"):
        raise SettingError(f"{text} is neither duckdb nor postgres; others are in docs/operate.md")
    return name


def _table(**values: object) -> Table:
    table = tomlkit.table(is_super_table=all(isinstance(each, Table) for each in values.values()))
    for name, value in values.items():
        table.append(name, value)
    return table


def _cron_line(folder: Path, program: Path) -> str:
    called = str(program.resolve()) if program.name == "whop-elt" else "whop-elt"
    command = f"cd {shlex.quote(str(folder))} && {shlex.quote(called)} run --quiet"
    # To cron, a per cent sign is the end of the line.
    return "15 * * * * " + command.replace("%", r"\%")
