"""What the marts mean, as the descriptions of the dbt project have it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from ..names import MARTS, PERSONAL, PROJECT

_FOLDERS: Mapping[str, str] = {MARTS: "marts", PERSONAL: "personal"}
"""Where the models of each schema are described."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one in C, where there is one, is ten times as fast."""

_BLOCK = re.compile(r"{%\s*docs\s+(\w+)\s*%}(.*?){%\s*enddocs\s*%}", re.DOTALL)
_USE = re.compile(r"{{\s*doc\(\s*'(\w+)'\s*\)\s*}}")
_GRAIN = re.compile(r"One row per [^.]*\.")


@dataclass(frozen=True)
class Mart:
    """One table that can be asked."""

    schema: str
    name: str
    meaning: str
    grain: str
    """What a row is, in words."""
    keys: tuple[tuple[str, ...], ...]
    """Columns that no two rows have the same of: dbt tests it."""
    columns: Mapping[str, str]
    """Each column, and what it means."""
    personal: frozenset[str]
    """Columns with names and addresses of people."""

    @property
    def full_name(self) -> str:
        """As it is named in a query."""
        return f"{self.schema}.{self.name}"


@cache
def described_marts(*, contacts: bool) -> Mapping[str, Mart]:
    """Every mart by its name; with contacts those of names and addresses too."""
    blocks = definitions()
    found: dict[str, Mart] = {}
    for schema, folder in _FOLDERS.items():
        if schema == PERSONAL and not contacts:
            continue
        for path in sorted((PROJECT / "models" / folder).glob("*.yml")):
            described = yaml.load(path.read_text(encoding="utf-8"), _LOADER) or {}
            for model in described.get("models") or ():
                if "columns" in model:
                    found[model["name"]] = _mart(schema, model, blocks)
    return found


@cache
def definitions() -> Mapping[str, str]:
    """The definitions that several descriptions share, by their names."""
    return {
        name: " ".join(text.split())
        for path in sorted((PROJECT / "models").rglob("*.md"))
        for name, text in _BLOCK.findall(path.read_text(encoding="utf-8"))
    }


def definitions_page() -> str:
    """The definitions, as a page to read."""
    parts = [f"## {name}\n\n{text}\n" for name, text in definitions().items()]
    return "# What the numbers mean\n\n" + "\n".join(parts)


def _mart(schema: str, model: Mapping[str, Any], blocks: Mapping[str, str]) -> Mart:
    meaning = _resolved(model.get("description", ""), blocks)
    grain = _GRAIN.search(meaning)
    columns = model["columns"]
    return Mart(
        schema=schema,
        name=model["name"],
        meaning=meaning,
        grain=grain.group() if grain else "",
        keys=_keys(model),
        columns={
            column["name"]: _resolved(column.get("description", ""), blocks) for column in columns
        },
        personal=frozenset(
            column["name"]
            for column in columns
            if column.get("config", {}).get("meta", {}).get("personal")
        ),
    )


def _resolved(text: str, blocks: Mapping[str, str]) -> str:
    return _USE.sub(lambda use: blocks[use.group(1)], text)


def _keys(model: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """What the tests of a model say is unique: `key` of one column, or `grain` of several."""
    keys = [
        (str(column["name"]),)
        for column in model["columns"]
        if any(_named("key", test) for test in column.get("data_tests") or ())
    ]
    for test in model.get("data_tests") or ():
        if _named("grain", test):
            keys.append(tuple(test["grain"]["arguments"]["columns"]))
    return tuple(keys)


def _named(name: str, test: str | Mapping[str, Any]) -> bool:
    """Whether that is the test of this name, with arguments or without."""
    return test == name or (not isinstance(test, str) and name in test)
