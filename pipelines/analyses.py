"""The questions of an owner: the analyses of the dbt project, listed, and as SQL to run.

An analysis is a file in `dbt/analyses`. Its first lines say what it asks; a line
`-- parameter NAME (KIND): what it is` declares an argument, KIND being month, number or text. Its
SQL takes the argument from dbt's `var('NAME', none)`, and says what holds without it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import takewhile
from typing import Any

from .errors import SettingError
from .mcp.marts import Mart, described_marts
from .names import MARTS, PERSONAL, PROJECT

_PARAMETER = re.compile(r"parameter (\w+) \((month|number|text)\): (.+)")
_KINDS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "month": (re.compile(r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])"), "a month, like 2026-10"),
    "number": (re.compile(r"[0-9]{1,6}"), "a whole number"),
    # What an id, a code or a currency is made of: nothing that SQL could take for its own.
    "text": (re.compile(r"[\w.@-]{1,100}", re.ASCII), "letters, digits, and . _ - @"),
}
"""What an argument may look like, and how that is said."""


@dataclass(frozen=True)
class Parameter:
    """An argument of an analysis."""

    name: str
    kind: str
    about: str

    def read(self, value: str) -> str:
        """The argument, as it was given.

        Raises:
            SettingError: it is none of its kind.
        """
        pattern, wanted = _KINDS[self.kind]
        if not pattern.fullmatch(value):
            raise SettingError(f"{self.name} is {value!r}, and must be {wanted}")
        return value


@dataclass(frozen=True)
class Analysis:
    """A question, and the SQL that answers it."""

    name: str
    """In kebab case."""
    about: str
    """What it asks and how, in the file's own words."""
    parameters: tuple[Parameter, ...]
    text: str

    @property
    def question(self) -> str:
        """The first sentence."""
        return re.split(r"(?<=[?.])\s", self.about, maxsplit=1)[0]

    def given(self, arguments: Sequence[str]) -> dict[str, str]:
        """Arguments by the names of the parameters.

        Raises:
            SettingError: there are too many, or one is none of its kind.
        """
        if len(arguments) > len(self.parameters):
            takes = ", ".join(each.name for each in self.parameters) or "no argument"
            raise SettingError(f"{self.name} takes {takes}; given: {' '.join(arguments)}")
        return {
            each.name: each.read(value)
            for each, value in zip(self.parameters, arguments, strict=False)
        }

    def sql(
        self, dialect: str, *, contacts: bool, arguments: Mapping[str, str] | None = None
    ) -> str:
        """Its SQL, for duckdb or postgres.

        Args:
            dialect: duckdb or postgres.
            contacts: whether names and e-mail addresses are selected, where it has them.
            arguments: the parameters that were given, read by `given`.
        """
        import jinja2
        import sqlglot

        marts = described_marts(contacts=True)
        values = dict(arguments or {})
        names = {
            "ref": lambda name: marts[name].full_name,
            "dbt": _Dbt(),
            "var": lambda name, otherwise=None: values.get(name, otherwise),
        }
        macros = "".join(
            (PROJECT / "macros" / f"{name}.sql").read_text(encoding="utf-8")
            for name in ("statuses", "asked")
        )
        # The analyses are ours, and are only looked at: nothing of the data is in them.
        environment = jinja2.Environment(autoescape=False)
        sql = environment.from_string(macros + self.text).render(**names)
        tree = sqlglot.parse_one(sql, dialect=dialect)
        if not contacts:
            _leave_out_contacts(tree, marts)
        return str(tree.sql(dialect=dialect, pretty=True, comments=False))

    @property
    def has_contacts(self) -> bool:
        """Whether it can say who somebody is."""
        return "ref('member_contacts')" in self.text


def analyses() -> dict[str, Analysis]:
    """Every analysis by its name, in the order of the files."""
    found = {}
    for path in sorted((PROJECT / "analyses").glob("*.sql")):
        name = path.stem.partition("_")[2].replace("_", "-")
        found[name] = _read(name, path.read_text(encoding="utf-8"))
    return found


def analysis(name: str) -> Analysis:
    """The analysis of a name.

    Raises:
        SettingError: there is none of that name.
    """
    known = analyses()
    plain = name.strip().lower().replace("_", "-")
    if plain not in known:
        near = get_close_matches(plain, known, n=3)
        hint = f"Did you mean {' or '.join(near)}? " if near else ""
        raise SettingError(f"There is no question {name!r}. {hint}`whop-elt ask` lists them")
    return known[plain]


def _read(name: str, text: str) -> Analysis:
    lines = [
        line.removeprefix("--").strip()
        for line in takewhile(lambda line: line.startswith("--"), text.splitlines())
    ]
    declared = [_PARAMETER.fullmatch(line) for line in lines]
    return Analysis(
        name=name,
        about=" ".join(line for line, is_one in zip(lines, declared, strict=True) if not is_one),
        parameters=tuple(Parameter(*each.groups()) for each in declared if each),
        text=text,
    )


class _Dbt:
    """The macros of dbt's own that the analyses use, as both databases spell them."""

    def dateadd(self, part: str, by: int, to: str) -> str:
        """A moment so much later."""
        return f"({to} + interval '{by} {part}')"

    def type_string(self) -> str:
        """A text."""
        return "varchar"


def _leave_out_contacts(tree: Any, marts: Mapping[str, Mart]) -> None:
    """Take personal columns out of what is selected, and tables that hold nothing else."""
    from sqlglot import exp

    for select in [*tree.find_all(exp.Select)]:
        personal = _personal(select, marts)
        select.set(
            "expressions",
            [each for each in select.expressions if not _is_of(each, personal)],
        )
        joins = select.args.get("joins") or []
        select.set("joins", [join for join in joins if join.this.text("db") != PERSONAL])


def _personal(select: Any, marts: Mapping[str, Mart]) -> dict[str, frozenset[str] | None]:
    """What is personal, by the name a table has in a query; None is all of it."""
    from sqlglot import exp

    if "from_" not in select.args or select.args["from_"] is None:
        return {}
    tables = [select.args["from_"].this, *(join.this for join in select.args.get("joins") or [])]
    found: dict[str, frozenset[str] | None] = {}
    for table in tables:
        mart = marts.get(table.name) if isinstance(table, exp.Table) else None
        if table.text("db") == PERSONAL:
            found[table.alias_or_name] = None
        elif mart is not None and table.text("db") == MARTS:
            found[table.alias_or_name] = mart.personal
    return found


def _is_of(selected: Any, personal: Mapping[str, frozenset[str] | None]) -> bool:
    from sqlglot import exp

    for column in selected.find_all(exp.Column):
        for table in [column.table] if column.table else personal:
            columns = personal.get(table, frozenset())
            if columns is None or column.name in columns:
                return True
    return False
