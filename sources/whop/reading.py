"""Reads lists and objects of one company into the tables of a run, and sees whose they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from .client import Page, Params, Row, WhopClient
from .errors import ForeignRow, NotFound, PermissionMissing, RequestRefused, WhopError
from .planning import Range, Walk, in_seconds
from .ranges import RangeWalk
from .resources import Resource
from .table_run import TableRun
from .values import UNFIT, to_timestamp
from .warehouse import batched

IDS_PER_REQUEST = 100
"""Ids in one `user_ids[]` filter: as many as a page has rows, and an address of 4 KB."""

READERS = 8
"""Objects, or lists of some ids, read at the same time; the rate limit is the client's."""


class Reader:
    """Reads of one company what a run asks for.

    Args:
        client: the API.
        company_id: the company's real id.
        progress: called with table and number of rows for each page, from several threads.
    """

    def __init__(
        self, client: WhopClient, company_id: str, progress: Callable[[str, int], None]
    ) -> None:
        self._client = client
        self._company_id = company_id
        self._progress = progress

    def walk(self, table: TableRun) -> None:
        """Read the table's lists."""
        for walk in table.plan.walks:
            try:
                self._read_list(table, walk)
            except RequestRefused as error:
                if not walk.otherwise:
                    raise
                table.report.notes.append(f"fell back, as Whop refused a filter: {error}")
                for other in walk.otherwise:
                    self._read_list(table, other)
        if table.resource.proven_by_id and table.plan.whole:
            self._prove_company(table)

    def _read_list(self, table: TableRun, walk: Walk) -> None:
        if walk.until is None and table.resource.ranged:
            self._read_ranges(table, walk)
        else:
            self._read_pages(table, walk)

    def _read_ranges(self, table: TableRun, walk: Walk) -> None:
        def fetch(part: Range, newest_first: bool) -> Iterator[Page]:
            params = {**walk.params, **part.params}
            return self.pages(table, {**params, "direction": "desc"} if newest_first else params)

        def enough() -> bool:
            most = table.plan.slice_rows
            return most is not None and table.report.rows_read >= most

        walks = RangeWalk(fetch, lambda page: self.take_page(table, page), enough)
        walks.read(walk.ranges)
        if table.plan.whole:
            table.covered, table.left = tuple(walks.covered), tuple(walks.left)

    def _read_pages(self, table: TableRun, walk: Walk) -> None:
        (part,) = walk.ranges
        for page in self.pages(table, {**walk.params, **part.params}):
            self.take_page(table, page)
            if walk.until and any(_older(row, *walk.until) for row in page.rows):
                return

    def pages(self, table: TableRun, params: Params) -> Iterator[Page]:
        """Yield the pages of the table's list for these parameters."""
        resource = table.resource
        if resource.unix_times:
            params = in_seconds(params)
        return self._client.pages(
            resource.path,
            {**resource.params, **params},
            tenant=resource.tenant,
            company_id=self._company_id,
            secrets=resource.secrets,
        )

    def take_page(self, table: TableRun, page: Page) -> None:
        """Take the rows of a page in."""
        table.cleaned += page.cleaned
        self.take(table, page.rows)

    def take(self, table: TableRun, rows: Sequence[Row]) -> None:
        """Take rows in, from whatever answer.

        Raises:
            ForeignRow: a row of another company.
        """
        resource = table.resource
        for row in rows:
            if not isinstance(row.get("id"), str):
                raise WhopError(f"GET {resource.path}: a row without an id")
            self._check_company(resource, row)
        table.spool.add(rows)
        table.report.rows_read += len(rows)
        self._progress(resource.name, len(rows))

    def _check_company(self, resource: Resource, row: Row) -> None:
        if resource.company_column is None:
            return
        value: Any = row
        for key in resource.company_column.split("__"):
            if key == "id" and isinstance(value, str):
                # A bare id in place of the object.
                break
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None and value != self._company_id:
            raise ForeignRow(
                f"GET {resource.path}: {row['id']} belongs to {value}, not to {self._company_id}; "
                "nothing of this table was loaded"
            )

    def _prove_company(self, table: TableRun) -> None:
        ids = table.spool.read_ids()
        for position in {0, len(ids) - 1} if len(ids) else ():
            row, _ = self.object(table.resource, ids[position].as_py())
            self._check_company(table.resource, row)

    def object(self, resource: Resource, object_id: str) -> tuple[Row, datetime]:
        """Return one object, and the server's time in UTC."""
        return self._client.object(resource.path, object_id, secrets=resource.secrets)

    def read_by_id(self, table: TableRun, expected: set[str], named: set[str]) -> None:
        """Read objects by id.

        Args:
            table: their table.
            expected: ids the warehouse has; one that Whop has no more is gone.
            named: ids other rows point to; one that cannot be read is left out.
        """
        unread = 0
        for object_id, answer in self.objects(table.resource, [*sorted(expected), *sorted(named)]):
            if isinstance(answer, dict):
                if object_id in named and self._is_foreign(table.resource, answer):
                    unread += 1
                else:
                    self.take(table, [answer])
            elif object_id in named:
                unread += 1
            elif isinstance(answer, NotFound) or table.plan.whole:
                # Without the permission to ask for it, the list's word that it is gone counts.
                table.gone.append(object_id)
        if unread:
            table.report.notes.append(f"{unread} objects that rows refer to cannot be read")

    def objects(
        self, resource: Resource, ids: Sequence[str]
    ) -> Iterator[tuple[str, Row | NotFound | PermissionMissing]]:
        """Yield the objects with these ids, or why one cannot be read."""

        def read(object_id: str) -> Row | NotFound | PermissionMissing:
            try:
                return self.object(resource, object_id)[0]
            except (NotFound, PermissionMissing) as error:
                return error

        with ThreadPoolExecutor(READERS) as pool:
            yield from zip(ids, pool.map(read, ids), strict=True)

    def _is_foreign(self, resource: Resource, row: Row) -> bool:
        try:
            self._check_company(resource, row)
        except ForeignRow:
            return True
        return False

    def read_users(self, table: TableRun, users: Sequence[str]) -> None:
        """Read the rows of these users."""

        def read(some: Sequence[str]) -> list[Page]:
            return list(self.pages(table, {"user_ids": some}))

        with ThreadPoolExecutor(READERS) as pool:
            for pages in pool.map(read, batched(users, IDS_PER_REQUEST)):
                for page in pages:
                    self.take_page(table, page)


def _older(row: Row, column: str, moment: datetime) -> bool:
    try:
        return to_timestamp(row[column]) < moment
    except (KeyError, *UNFIT):
        return False
