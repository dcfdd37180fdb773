"""Tables that follow from the rows of others: which objects to ask for, and what rows they make."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import orjson
import pyarrow as pa

from .client import Row
from .resources import BY_NAME, FILE_COLUMNS, USER_COLUMNS, Resource

if TYPE_CHECKING:
    from .warehouse import Warehouse

_FILE_ID = re.compile(r'"id":\s*"(file_\w+)"')


class Rows(Protocol):
    """What a run has read of a table."""

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows."""


def followed(resource: Resource) -> tuple[str, ...]:
    """Tables whose rows say what is to be read of this one."""
    if resource.list_per is not None:
        return (resource.list_per[0],)
    if resource.changes == "per_payment":
        return ("payments",)
    return tuple(USER_COLUMNS if resource.name == "users" else FILE_COLUMNS)


def users_to_read(warehouse: Warehouse, read: Mapping[str, Rows]) -> list[str]:
    """Ids of users to read: those never read, and those a row now shows with another name.

    Args:
        warehouse: what is stored.
        read: what this run has read, by table.
    """
    stored = {
        row[0]: row[1:] for row in warehouse.columns(BY_NAME["users"], "id", "username", "name")
    }
    named: set[str] = set()
    changed: set[str] = set()
    for table, columns in USER_COLUMNS.items():
        for column in columns:
            named |= warehouse.values(BY_NAME[table], column)
            person = [
                column,
                f"{column.removesuffix('id')}username",
                f"{column.removesuffix('id')}name",
            ]
            for rows in read[table].tables() if table in read else ():
                for user, *shown in zip(*(rows[name].to_pylist() for name in person), strict=True):
                    named.add(user)
                    # What was hidden, or is not shown, tells nothing.
                    known = stored.get(user, ())
                    if known and None not in (*known, *shown) and known != tuple(shown):
                        changed.add(user)
    named.discard(None)  # type: ignore[arg-type]
    return sorted((named - stored.keys()) | changed)


def files_to_read(warehouse: Warehouse, read: Mapping[str, Rows]) -> list[str]:
    """Ids of files to read: those never read. A file that is there does not change.

    Args:
        warehouse: what is stored.
        read: what this run has read, by table.
    """
    named: set[str] = set()
    for table, columns in FILE_COLUMNS.items():
        for column in columns:
            for (value,) in warehouse.columns(BY_NAME[table], column):
                named |= _files_in(value)
            for rows in read[table].tables() if table in read else ():
                for value in rows[column].to_pylist():
                    named |= _files_in(value)
    return sorted(named - {row[0] for row in warehouse.columns(BY_NAME["files"], "id")})


def _files_in(value: Any) -> set[str]:
    """Ids of files in a JSON value, which a database may give parsed."""
    if value is None:
        return set()
    return set(_FILE_ID.findall(value if isinstance(value, str) else orjson.dumps(value).decode()))


def fees_of(payment_id: str, version: str, fees: list[Row]) -> list[Row]:
    """The fees of one payment as rows of a table.

    A payment without fees gets a row that says so, or it would be asked for in every run.

    Args:
        payment_id: the payment.
        version: `_dlt_id` of its stored row.
        fees: what Whop lists; none of them has an id.
    """
    stamp = {"payment": {"id": payment_id}, "payment_version": version}
    if not fees:
        return [{"id": payment_id, **stamp}]
    return [{**fee, "id": f"{payment_id}/{n}", **stamp} for n, fee in enumerate(fees, start=1)]
