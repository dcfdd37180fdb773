"""Tables that follow from the rows of others: which objects to ask for, and what rows they make."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Protocol

import orjson
import pyarrow as pa

from .client import Row, WhopClient
from .errors import NotFound, PermissionMissing, WhopError
from .reading import READERS, Reader
from .resources import BY_NAME, FILE_COLUMNS, USER_COLUMNS, Resource
from .table_run import TableRun
from .warehouse import Warehouse

OBJECTS_PER_RUN = 6_000
"""Objects of a table without a list that are read at a time: ten minutes of what Whop allows, and
the most that a run that dies has to read again."""

DENIED_IN_A_ROW = 100
"""Objects of such a table that are refused before any is shown, at which it is the key that may not
see them, and the others are not asked for."""

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
    return tuple(USER_COLUMNS if resource.changes == "named" else FILE_COLUMNS)


def users_to_read(
    warehouse: Warehouse, read: Mapping[str, Rows], since: datetime | None = None
) -> list[str]:
    """Ids of users to read: those never read, and those a row now shows with another name.

    Args:
        warehouse: what is stored.
        read: what this run has read, by table.
        since: what was read before (UTC) is to be read again.
    """
    users = warehouse.columns(BY_NAME["users"], "id", "username", "name", since=since)
    stored = {row[0]: row[1:] for row in users}
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


def files_to_read(
    warehouse: Warehouse, read: Mapping[str, Rows], since: datetime | None = None
) -> list[str]:
    """Ids of files to read: those never read. A file that is there does not change.

    Args:
        warehouse: what is stored.
        read: what this run has read, by table.
        since: what was read before (UTC) is to be read again.
    """
    named: set[str] = set()
    for table, columns in FILE_COLUMNS.items():
        for column in columns:
            for (value,) in warehouse.columns(BY_NAME[table], column):
                named |= _files_in(value)
            for rows in read[table].tables() if table in read else ():
                for value in rows[column].to_pylist():
                    named |= _files_in(value)
    stored = warehouse.columns(BY_NAME["files"], "id", since=since)
    return sorted(named - {row[0] for row in stored})


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


class Followers:
    """Reads the tables without a list of their own, once the others are read.

    Args:
        client: the API.
        reader: reads objects of the company.
        warehouse: what the destination holds, open.
        tables: the tables of the run.
        ever_read: names of the tables that an earlier run has loaded.
        find_gone: asks by id for the rows that a table's lists should have had.
    """

    def __init__(
        self,
        client: WhopClient,
        reader: Reader,
        warehouse: Warehouse,
        tables: Mapping[str, TableRun],
        ever_read: Collection[str],
        find_gone: Callable[[TableRun], None],
    ) -> None:
        self._client = client
        self._reader = reader
        self._warehouse = warehouse
        self._tables = tables
        self._ever_read = ever_read
        self._find_gone = find_gone

    def follow(self, table: TableRun) -> None:
        """Read a table that has no list of its own, along the rows of other tables."""
        along = followed(table.resource)
        if not {*along} & (self._tables.keys() | self._ever_read):
            table.report.notes.append(
                f"nothing says what to ask for: it follows {', '.join(along)}, of which nothing is "
                "loaded. Name what you need of them in SOURCES__WHOP__TABLES too"
            )
        if table.resource.list_per is not None:
            self._walk_per_row(table, *table.resource.list_per)
            self._find_gone(table)
        elif table.resource.changes == "per_payment":
            self._read_fees(table)
        else:
            choose = users_to_read if table.resource.changes == "named" else files_to_read
            spools = {t.resource.name: t.spool for t in self._tables.values() if t.ok}
            ids = choose(self._warehouse, spools, table.state.made_anew)
            some = ids[:OBJECTS_PER_RUN]
            denied = 0
            for asked, (object_id, answer) in enumerate(
                self._reader.objects(table.resource, some), 1
            ):
                if isinstance(answer, PermissionMissing):
                    denied += 1
                    if denied == asked == min(len(some), DENIED_IN_A_ROW):
                        raise answer
                # One that Whop does not show gets a row with its id alone, or every run would ask.
                self._reader.take(
                    table, [answer if isinstance(answer, dict) else {"id": object_id}]
                )
            table.more = len(some) < len(ids)

    def _walk_per_row(self, table: TableRun, of: str, parameter: str, field_name: str) -> None:
        """Read the lists of all rows of another table, and note in each row whose it is."""
        parents = self._warehouse.alive_in(BY_NAME[of])
        other = self._tables.get(of)
        if other is not None and other.ok:
            parents |= set(other.spool.read_ids().to_pylist())
            parents -= set(other.gone)
        missing: list[NotFound] = []
        for parent in sorted(parents):
            pages = self._client.pages(
                table.resource.path,
                {**table.resource.params, parameter: parent},
                secrets=table.resource.secrets,
            )
            try:
                for page in pages:
                    table.cleaned += page.cleaned
                    self._reader.take(
                        table,
                        [
                            {**self._reader.shaped(table.resource, row), field_name: {"id": parent}}
                            for row in page.rows
                        ],
                    )
            except NotFound as error:
                # It is gone and its own table has not noticed. Of its rows each is asked for by id
                # before it is called gone.
                missing.append(error)
        if missing and len(missing) == len(parents):
            raise missing[0]

    def _read_fees(self, table: TableRun) -> None:
        """Read the fees of the payments whose present version has not been asked for."""
        payments = self._tables.get("payments")
        waiting, left = self._warehouse.payments_without_fees(
            OBJECTS_PER_RUN, table.state.made_anew
        )

        def read(payment: tuple[str, str]) -> list[Row] | WhopError:
            path = table.resource.path.replace("{id}", payment[0])
            try:
                pages = self._client.pages(path, {}, operation=f"GET {table.resource.path}")
                rows = [row for page in pages for row in page.rows]
                shaped = [self._reader.shaped(table.resource, row) for row in rows]
                return fees_of(*payment, shaped)
            except WhopError as error:
                return error

        missing = 0
        with ThreadPoolExecutor(READERS) as pool:
            for number, answer in enumerate(pool.map(read, waiting), 1):
                if isinstance(answer, NotFound):
                    # The payment is gone; but where none has fees, it is the list that is.
                    missing += 1
                    if missing == number == min(len(waiting), DENIED_IN_A_ROW):
                        raise answer
                    answer = fees_of(*waiting[number - 1], [])
                if isinstance(answer, WhopError):
                    raise answer
                self._reader.take(table, answer)
        asked = [payment_id for payment_id, _ in waiting]
        known = self._warehouse.alive_in(table.resource, ("payment__id", asked))
        table.gone = sorted(known - set(table.spool.read_ids().to_pylist()))
        # Payments this run brings are in the warehouse when the next part, or run, looks.
        arriving = (
            payments is not None and payments.to_load is not None and payments.to_load.num_rows
        )
        table.more = left or bool(arriving)
