"""What plans were before the first sync: read from a file by hand, laid beside the raw tables.

Whop says what a plan is now. From the first sync on, each state of it is kept; what was edited
before that only the business knows, and can tell in a CSV file that `WHOP_ELT_PLAN_VERSIONS` names
(in .dlt, `plan_versions` under `[whop_elt]`).
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from .destination import Destination
from .errors import SettingError
from .settings import plan_versions_path

SETTING = "WHOP_ELT_PLAN_VERSIONS"
TABLE = "given_plan_versions"

_LARGEST = 10**29
"""A price must fit its column, decimal(38, 9)."""


class _Wrong(ValueError):
    """A value that cannot be; the text says what it can be."""


def _text(value: str) -> str:
    return value


def _lower(value: str) -> str:
    return value.lower()


def _kind(value: str) -> str:
    if value not in {"renewal", "one_time"}:
        raise _Wrong("it can be renewal or one_time")
    return value


def _days(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise _Wrong("it must be a whole number, 0 or more")
    return int(value)


def _price(value: str) -> Decimal:
    try:
        price = Decimal(value)
    except InvalidOperation:
        price = Decimal("NaN")
    if not (price.is_finite() and 0 <= price < _LARGEST):
        raise _Wrong("it must be a number such as 29.90")
    return price


def _moment(value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise _Wrong(
            "it must be a day or time such as 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class _Column(NamedTuple):
    """A column of the file and of the table."""

    name: str
    type: str
    read: Callable[[str], Any]
    needed: bool = False
    """Whether it must have a value in every row."""


COLUMNS = (
    _Column("company_id", "varchar", _text),
    _Column("plan_id", "varchar", _text, needed=True),
    _Column("valid_from", "timestamp with time zone", _moment),
    _Column("valid_to", "timestamp with time zone", _moment),
    _Column("plan_type", "varchar", _kind, needed=True),
    _Column("billing_period_days", "bigint", _days),
    _Column("initial_price", "decimal(38, 9)", _price),
    _Column("renewal_price", "decimal(38, 9)", _price),
    _Column("currency", "varchar", _lower, needed=True),
    _Column("trial_period_days", "bigint", _days),
    _Column("split_pay_required_payments", "bigint", _days),
)
"""As in the mart `plan_history`; its other columns may be in the file, and are passed over."""

_PASSED_OVER = frozenset(
    ("version_number", "source", "renewals", "median_days_between_renewals", "is_pace_off")
)

Version = dict[str, Any]


def read(path: Path) -> list[Version]:
    """Return the versions that a file tells of.

    Columns are those of `plan_history`; company_id may be left out. Times without an offset are
    UTC. An empty valid_from is "from ever"; an empty valid_to is "until the next version in the
    file, else until the next edit that a sync saw".

    Raises:
        SettingError: the file cannot be read, or a value cannot be; the text names file, row (as a
            spreadsheet counts them: the names are row 1) and column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{SETTING}: {path} cannot be read as a text file: {error}") from error
    rows = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        names = [name.strip() for name in next(rows, [])]
        _check_names(path, names)
        versions = list(_versions(path, names, rows))
    except csv.Error as error:
        raise SettingError(f"{SETTING}: {path}, line {rows.line_num}: {error}") from error
    _check_times(path, versions)
    return [version for _, version in versions]


def load(destination: Destination, path: Path | None = None) -> int:
    """Lay the versions of the file beside the raw tables; without a file, none.

    Args:
        destination: the warehouse; nothing happens while it has no raw tables.
        path: the file; None is the one that the setting names, if it names one.

    Returns:
        How many versions there are.

    Raises:
        SettingError: the setting or the file cannot be read; the table is left as it was.
    """
    path = path or plan_versions_path()
    versions = read(path) if path else []
    with destination.session() as client:
        if not client.has_dataset():
            return len(versions)
        table = client.make_qualified_table_name(TABLE)
        spelled = ", ".join(f"{column.name} {column.type}" for column in COLUMNS)
        client.execute_sql(f"create table if not exists {table} ({spelled})")
        places = ", ".join(["%s"] * len(COLUMNS))
        with client.begin_transaction():
            client.execute_sql(f"delete from {table}")
            for version in versions:
                values = [version[column.name] for column in COLUMNS]
                client.execute_sql(f"insert into {table} values ({places})", *values)
    return len(versions)


def _check_names(path: Path, names: Sequence[str]) -> None:
    known = {column.name for column in COLUMNS}
    for name in names:
        if name not in known | _PASSED_OVER:
            raise SettingError(
                f"{SETTING}: {path}, row 1: no column is called {name!r}; there are "
                f"{', '.join(column.name for column in COLUMNS)}"
            )
        if names.count(name) > 1:
            raise SettingError(f"{SETTING}: {path}, row 1: the column {name} is there twice")
    missing = [column.name for column in COLUMNS if column.needed and column.name not in names]
    if missing:
        raise SettingError(f"{SETTING}: {path}, row 1: the column {missing[0]} is missing")


def _versions(
    path: Path, names: Sequence[str], rows: Iterator[list[str]]
) -> Iterator[tuple[int, Version]]:
    """Row numbers and versions."""
    for number, values in enumerate(rows, start=2):
        if not any(value.strip() for value in values):
            continue
        if len(values) != len(names):
            raise SettingError(
                f"{SETTING}: {path}, row {number}: {len(values)} values for {len(names)} columns"
            )
        given = {name: value.strip() for name, value in zip(names, values, strict=True)}
        version: Version = {}
        for column in COLUMNS:
            value = given.get(column.name, "")
            try:
                if not value and column.needed:
                    raise _Wrong("it is empty")
                version[column.name] = column.read(value) if value else None
            except _Wrong as wrong:
                shown = f" is {value!r}" if value else ""
                raise SettingError(
                    f"{SETTING}: {path}, row {number}, column {column.name}{shown}: {wrong}"
                ) from None
        if version["plan_type"] == "renewal" and not version["billing_period_days"]:
            raise SettingError(
                f"{SETTING}: {path}, row {number}, column billing_period_days: a plan that renews "
                "needs the days between two charges"
            )
        yield number, version


def _check_times(path: Path, versions: Sequence[tuple[int, Version]]) -> None:
    """A version ends after it begins, and no two of a plan hold at the same time."""
    ever = datetime.min.replace(tzinfo=UTC)
    of_plans: dict[str, list[tuple[datetime, datetime | None, int]]] = defaultdict(list)
    for number, version in versions:
        begins, ends = version["valid_from"] or ever, version["valid_to"]
        if ends is not None and ends <= begins:
            raise SettingError(
                f"{SETTING}: {path}, row {number}, column valid_to: it is not after valid_from"
            )
        of_plans[version["plan_id"]].append((begins, ends, number))
    for spans in of_plans.values():
        spans.sort(key=lambda span: span[0])
        for (begins, ends, number), (next_begins, _, next_number) in pairwise(spans):
            if begins == next_begins or (ends is not None and ends > next_begins):
                raise SettingError(
                    f"{SETTING}: {path}, row {next_number}, column valid_from: the version of row "
                    f"{number} holds at that time as well"
                )
