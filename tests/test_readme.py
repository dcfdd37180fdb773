"""What the README says exists does, and what exists is in the README."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from typer.main import get_command

from whop_elt.cli import app
from whop_elt.errors import ExitCode
from whop_elt.summary import QUERIES
from whop_source import RESOURCES, whop

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text under a heading, up to the next one of its level."""
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_its_queries_are_those_the_demo_runs() -> None:
    blocks = re.findall(r"```sql\n-- ([^\n]+)\n(.+?);\n```", README, re.DOTALL)
    assert blocks == list(QUERIES)


def test_nothing_in_it_is_still_to_be_filled_in() -> None:
    assert "@@" not in README


def test_its_settings_are_those_of_the_source() -> None:
    told = set(re.findall(r"`SOURCES__WHOP__(\w+)`", section("Settings")))
    # Not settings: a flag of a run, the size of its parts, and where it reports.
    flags = {"full", "slice_rows", "rate_limit", "report"}
    there = {name for name in inspect.signature(whop).parameters if name not in flags}
    assert {name.lower() for name in told} == there


def test_its_defaults_are_those_of_the_source() -> None:
    rows = re.findall(r"\| `SOURCES__WHOP__(\w+)` \| `?([\w.:/]+?)`? \|", section("Settings"))
    told = {name.lower(): default for name, default in rows if default not in {"none", "all"}}
    assert len(told) >= 7
    parameters = inspect.signature(whop).parameters
    assert told == {name: str(parameters[name].default) for name in told}


def test_its_commands_are_those_of_the_command_line() -> None:
    told = set(re.findall(r"^\| `whop-elt ([\w-]+)", section("Commands"), re.MULTILINE))
    group = get_command(app)
    assert told == set(group.commands)  # type: ignore[attr-defined]


def test_its_exit_codes_are_those_of_the_command_line() -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    assert told == set(ExitCode)


def test_its_tables_are_those_there_are() -> None:
    tables = section("The tables")
    marts = {path.stem for path in (ROOT / "dbt/models/marts").glob("*.sql")} - {"time_spine_daily"}
    named = set(re.findall(r"`(\w+)`", tables))
    assert marts <= named
    assert {resource.name for resource in RESOURCES} <= named


def test_its_make_targets_and_files_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z-]+)`?", README)) <= targets
    for link in re.findall(r"\]\(((?!http)[^)#]+)\)", README):
        assert (ROOT / link).exists(), link


def test_every_permission_of_a_table_is_named() -> None:
    needed = {name for resource in RESOURCES for name in resource.permissions}
    assert needed <= set(re.findall(r"`([a-z_]+:[a-z_:]+)`", README))
