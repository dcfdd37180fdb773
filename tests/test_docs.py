"""What README and docs say exists does, and what exists is in them."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from whop_elt.cli import app
from whop_elt.errors import ExitCode
from whop_elt.summary import QUERIES
from whop_source import RESOURCES, whop

ROOT = Path(__file__).parent.parent
PAGES = {
    path.relative_to(ROOT): path.read_text(encoding="utf-8")
    for path in (
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
        *sorted((ROOT / "docs").glob("*.md")),
    )
}
README = PAGES[Path("README.md")]
ALL = "\n".join(PAGES.values())
LONGEST_README = 150
"""Lines; what is for one reader alone is in docs."""


def section(title: str) -> str:
    """The text under a heading that is on one page only, up to the next one of its level."""
    (page,) = (text for text in PAGES.values() if f"\n## {title}\n" in text)
    return page.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def commands() -> Iterator[list[str]]:
    """Each command of ours that a block of shell has, without what else is on its line."""
    for block in re.findall(r"^ *```(?:sh|crontab)\n(.+?)^ *```", ALL, re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            yield from of_ours(line)
    for line in re.findall(r"^\$ (.+)$", ALL, re.MULTILINE):
        yield from of_ours(line)


def of_ours(line: str) -> Iterator[list[str]]:
    """The commands of a line that are ours, from their name on."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if not set(word) <= set("|&;<>"):
            words.append(word)
            continue
        names = [number for number, each in enumerate(words) if PROGRAM.search(each)]
        if names and words[0] not in {"docker", "source", "pip", "systemctl"}:
            yield words[names[0] + 1 :]
        words = []


PROGRAM = re.compile(r"(^|/)whop-elt$")


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= LONGEST_README


def test_its_queries_are_those_the_demo_runs() -> None:
    told = section("Three queries to start from")
    blocks = re.findall(r"```sql\n-- ([^\n]+)\n(.+?);\n```", told, re.DOTALL)
    assert blocks == list(QUERIES)


def test_every_command_that_is_shown_can_be_typed() -> None:
    found = list(commands())
    assert len(found) > 12
    for words in found:
        group: Any = get_command(app)
        rest = [word for word in words if word != "…"]
        while hasattr(group, "commands") and rest and not rest[0].startswith("-"):
            name, rest = rest[0], rest[1:]
            assert name in group.commands, words
            group = group.commands[name]
        if hasattr(group, "commands"):
            assert rest <= ["--version"] or rest == ["--help"], words
            continue
        with group.make_context(group.name, rest):
            pass


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
    told = {
        int(code) for code in re.findall(r"^\| (\d+) \|", section("On a schedule"), re.MULTILINE)
    }
    assert told == set(ExitCode)


def test_its_tables_are_those_there_are() -> None:
    tables = section("The schemas") + section("The marts")
    marts = {path.stem for path in (ROOT / "dbt/models/marts").glob("*.sql")} - {"time_spine_daily"}
    named = set(re.findall(r"`(\w+)`", tables))
    assert marts <= named
    resources = {resource.name for resource in RESOURCES}
    assert resources <= named
    assert resources <= set(re.findall(r"`(\w+)`", section("What a run asks Whop for")))


def test_its_make_targets_files_and_headings_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = set(re.findall(r"`make ([a-z-]+)`", ALL)) | set(
        re.findall(r"^make ([a-z-]+)", ALL, re.M)
    )
    assert told <= targets
    for page, text in PAGES.items():
        for link in re.findall(r"\]\(((?!http)[^)]+)\)", text):
            path, _, heading = link.partition("#")
            target = (ROOT / page).parent / path if path else ROOT / page
            assert target.exists(), f"{page}: {link}"
            if heading and target.suffix == ".md":
                assert heading in headings(target.read_text(encoding="utf-8")), f"{page}: {link}"


def headings(text: str) -> set[str]:
    """Names of a page's headings in an address, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_permission_of_a_table_is_named() -> None:
    needed = {name for resource in RESOURCES for name in resource.permissions}
    assert needed <= set(re.findall(r"`([a-z_]+:[a-z_:]+)`", README))
