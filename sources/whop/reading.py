"""Reads lists and objects of one company into the tables of a run, and sees whose they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from .bulk import nested
from .charts import points, question, series_of
from .client import Page, Params, Row, WhopClient
from .credentials import Credentials
from .errors import (
    ForeignRow,
    NotFound,
    NotOffered,
    OtherSurface,
    PermissionMissing,
    RequestRefused,
    WhopError,
)
from .planning import FeedWalk, Range, Walk, in_seconds, iso
from .ranges import RangeWalk
from .resource import Feed, Resource
from .surface import CURRENT, LEGACY
from .table_run import TableRun
from .values import UNFIT, to_timestamp
from .warehouse import batched

IDS_PER_REQUEST = 100
"""Ids in one `user_ids[]` filter: as many as a page has rows, and an address of 4 KB."""

WHOP_BEGAN = datetime(2021, 1, 1, tzinfo=UTC)
"""Before the first company there was."""

READERS = 8
"""Objects, or lists of some ids, read at the same time; the rate limit is the client's."""


class Reader:
    """Reads of one company what a run asks for.

    Args:
        client: the API.
        company_id: the company's real id.
        progress: called with table and number of rows for each page, from several threads.
        lived: when the company began, None when that is not known, and the server's time now, UTC.
    """

    def __init__(
        self,
        client: WhopClient,
        company_id: str,
        progress: Callable[[str, int], None],
        lived: tuple[datetime | None, datetime] | None = None,
    ) -> None:
        self._client = client
        self._company_id = company_id
        self._progress = progress
        began, now = lived or (None, datetime.now(UTC))
        self._lived = began or WHOP_BEGAN, now
        self._credentials: dict[str, Credentials] = {}

    def company(self, companies: Resource) -> tuple[Row, datetime]:
        """Read the company's own row, and the server's time.

        Args:
            companies: the table of companies.

        Raises:
            OtherSurface: it is not there, but where the other surface has it.
            WhopError: as of any object.
        """
        surface = self._client.surface
        here = companies.on(surface)
        try:
            return self.object(here, self._company_id)
        except NotFound as missing:
            there = companies.on(LEGACY if surface is CURRENT else CURRENT)
            try:
                self._client.object(there.path, self._company_id)
            except WhopError:
                raise missing from None
            raise self._other_surface(
                f"GET {here.path} has not the company that GET {there.path} has. That is not "
                f"Whop's {surface} surface"
            ) from None

    def _other_surface(self, says: str) -> OtherSurface:
        return OtherSurface(
            f"{says}, which was asked for (Api-Version-Date: {self._client.api_version}). Does a "
            "proxy take that header away? Else set SOURCES__WHOP__API_VERSION to "
            f"{self._client.surface.version}"
        )

    def walk(self, table: TableRun) -> None:
        """Read the table's lists."""
        if table.resource.changes == "observed":
            self._observe(table)
            return
        if table.resource.changes == "charted":
            self._chart(table)
            return
        for walk in table.plan.walks:
            try:
                self._read_list(table, walk)
            except RequestRefused as error:
                if not walk.otherwise:
                    raise
                table.report.notes.append(f"fell back, as Whop refused a filter: {error}")
                for other in walk.otherwise:
                    self._read_list(table, other)
        if table.plan.feed is not None and table.resource.feed is not None:
            self._read_feed(table, table.resource.feed, table.plan.feed)
        if table.resource.proven_by_id and table.plan.whole:
            self._prove_company(table)

    def _observe(self, table: TableRun) -> None:
        """Read the company's object, and keep what a field of it says now as rows."""
        resource = table.resource
        try:
            company, now = self._client.object(resource.path, self._company_id)
        except NotFound as error:
            raise NotOffered(str(error)) from error
        seen = company.get(resource.observes)
        if not isinstance(seen, list):
            raise PermissionMissing(
                f"GET {resource.path}/{{id}}: {resource.observes} is empty, as it is for a key "
                "that may not see it"
            )
        stamp = {"observed_at": iso(now)}
        rows = [
            {**row, **stamp, "id": f"{self._company_id}/{iso(now)}/{number}"}
            for number, row in enumerate(seen, start=1)
        ]
        self.take(table, [self.shaped(resource, row) for row in rows])

    def _chart(self, table: TableRun) -> None:
        """Read the series a table is made of, from the company's beginning on."""
        resource = table.resource
        refused: list[WhopError] = []
        for chart, split in series_of(resource):
            try:
                answer, _ = self._client.object(
                    resource.path,
                    chart.metric,
                    params=question(chart, split, self._company_id, self._lived),
                )
            except (NotFound, RequestRefused) as error:
                # A metric that Whop does not have, or not so: the others are as good as before.
                refused.append(error)
                continue
            self.take(table, points(answer, chart, split, self._company_id))
        if refused and not table.report.rows_read:
            raise NotOffered(str(refused[0])) from refused[0]
        if refused:
            table.plan = replace(table.plan, whole=False)
            table.report.notes += [f"left out: {error}" for error in refused]

    def _read_feed(self, table: TableRun, feed: Feed, walk: FeedWalk) -> None:
        """Read by id the rows that a list of what has happened names."""
        tenant = table.resource.tenant
        named: set[str] = set()
        try:
            for page in self._client.pages(
                feed.path,
                {**feed.params, feed.since: walk.since},
                tenant=tenant,
                company_id=self._company_id,
                page_size=feed.page_size,
                cursor=feed.cursor,
            ):
                named.update(row[feed.names] for row in page.rows if row.get(feed.names))
        except (PermissionMissing, NotFound, RequestRefused) as error:
            table.report.notes.append(
                f"fell back, as the list of what has changed is not to be had: {error}"
            )
            for other in walk.otherwise:
                self._read_list(table, other)
            return
        named -= set(table.spool.read_ids().to_pylist())
        self.read_by_id(table, set(), named)

    def _read_list(self, table: TableRun, walk: Walk) -> None:
        if walk.until is None and walk.in_ranges and table.resource.ranged:
            self._read_ranges(table, walk)
        else:
            self._read_pages(table, walk)

    def _read_ranges(self, table: TableRun, walk: Walk) -> None:
        def fetch(part: Range, newest_first: bool) -> Iterator[Page]:
            params = {**walk.params, **part.params}
            if not table.resource.bounded_above:
                # The walk ends by itself where the rows come to the end of the range.
                params.pop("created_before", None)
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
        parts: list[Params] = [{name: self._company_id} for name in resource.either] or [{}]
        for part in parts:
            for page in self._client.pages(
                resource.path,
                {**resource.params, **params, **part},
                tenant=resource.tenant,
                company_id=self._company_id,
                secrets=resource.secrets,
                page_size=resource.page_size,
                cursor=resource.cursor,
            ):
                yield replace(page, rows=[self.shaped(resource, row) for row in page.rows])

    def shaped(self, resource: Resource, row: Row) -> Row:
        """Return a row of an answer in the shape of the table, without credentials.

        Raises:
            OtherSurface: it is of the surface that was not asked for.
        """
        try:
            row = resource.shape.read(row)
        except OtherSurface:
            surface = self._client.surface
            raise self._other_surface(
                f"GET {resource.path}: {row.get('id')} is not as Whop's {surface} surface writes it"
            ) from None
        found = self._credentials.get(resource.name)
        if found is None:
            declared = nested(resource.columns, lambda kind: kind)
            found = self._credentials[resource.name] = Credentials(declared)
        found.take_out(row)
        return row

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
        said = True
        for key in resource.company_column.split("__"):
            if not isinstance(value, dict):
                # A bare id in place of the object, or nothing.
                break
            said = key in value
            value = value.get(key)
        if value == self._company_id:
            return
        if value is None:
            if resource.company_named == "by_id" or (said and resource.company_named == "nullable"):
                return
            raise ForeignRow(
                f"GET {resource.path}: {row['id']} does not say which company it belongs to; "
                "nothing of this table was loaded"
            )
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
        row, now = self._client.object(resource.path, object_id, secrets=resource.secrets)
        return self.shaped(resource, row), now

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
