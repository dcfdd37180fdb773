"""Carries out a run for one company: makes its requests, works out what is new, changed or gone."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .client import (
    NotFound,
    Page,
    Params,
    PermissionMissing,
    RequestRefused,
    Row,
    Unavailable,
    WhopClient,
    WhopError,
)
from .followers import fees_of, files_to_read, followed, users_to_read
from .ranges import SECOND, RangeWalk
from .report import RunReport, TableReport
from .resources import BY_NAME, REFERRED_TABLES, Resource
from .schema import DIGEST_LENGTH, Privacy, RowTable
from .sync import EVERYTHING, Plan, Range, Settings, TableState, Walk, in_seconds, plan, remember
from .values import UNFIT, to_timestamp
from .warehouse import KNOWN_SCHEMA, Warehouse, batched

BATCH_ROWS = 2_000
"""Rows per Arrow table that is built: they are held as Python objects until then."""

YIELDED_ROWS = 10_000
"""Rows per Arrow table that is yielded: dlt works out the table's schema anew for each."""

ASKED_BY_ID = 50_000
"""Rows up to which the warehouse is asked for these rows, and not for all it has: a run should cost
by the change, not by the table."""

INDEX_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("id", "_dlt_id", "user__id", "member__id")]
)
"""What is kept in memory of every row of a run."""

IDS_PER_REQUEST = 100
"""Ids in one `user_ids[]` filter: as many as a page has rows, and an address of 4 KB."""

READERS = 8
"""Objects, or lists of some ids, read at the same time; the rate limit is the client's."""

OBJECTS_PER_RUN = 6_000
"""Objects of a table without a list that are read at a time: ten minutes of what Whop allows, and
the most that a run that dies has to read again."""

DENIED_IN_A_ROW = 100
"""Objects of such a table that are refused before any is shown, at which it is the key that may not
see them, and the others are not asked for."""


class ForeignRow(WhopError):
    """An answer holds a row of a company that was not asked for."""


@dataclass
class Spool:
    """Rows of one table on disk, in the order they were read, so that a run's memory stays flat.

    Nothing of it is loaded until the table was read to its end.
    """

    resource: Resource
    rows: RowTable
    path: Path
    index: list[pa.Table] = field(default_factory=list)
    """Per batch: id, digest and, where rows name them, user and member."""
    refers_to: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Ids of other tables' rows that these rows name, by table."""
    newest: datetime | None = None
    """Newest `created_at`, UTC."""
    _buffer: list[Row] = field(default_factory=list)
    _writer: pa.ipc.RecordBatchFileWriter | None = None

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows in."""
        self._buffer.extend(rows)
        if len(self._buffer) >= BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is buffered."""
        if not self._buffer:
            return
        table = self.rows.build(self._buffer)
        self._buffer.clear()
        if self._writer is None:
            self._writer = pa.ipc.new_file(self.path, table.schema)
        for batch in table.to_batches():
            self._writer.write_batch(batch)
        missing = pa.nulls(table.num_rows, pa.string())
        columns = [
            table[name] if name in table.column_names else missing for name in INDEX_SCHEMA.names
        ]
        self.index.append(pa.table(columns, schema=INDEX_SCHEMA))
        for column, target in self.resource.refers_to.items():
            self.refers_to[target].update(pc.unique(table[column].drop_null()).to_pylist())
        if self.resource.created_at:
            newest = pc.max(table["created_at"]).as_py()
            self.newest = max((at for at in (self.newest, newest) if at), default=None)

    def read_ids(self) -> pa.ChunkedArray:
        """Ids of all rows, with repeats."""
        self.flush()
        return pa.chunked_array([part["id"].combine_chunks() for part in self.index], pa.string())

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows as they were written."""
        self.close()
        if self.path.exists():
            with pa.OSFile(str(self.path)) as source, pa.ipc.open_file(source) as reader:
                for number in range(reader.num_record_batches):
                    yield pa.Table.from_batches([reader.get_batch(number)])

    def close(self) -> None:
        """Write the rest and end the file."""
        self.flush()
        if self._writer is not None:
            self._writer.close()
            self._writer = None


@dataclass
class TableRun:
    """One table during a run."""

    resource: Resource
    state: TableState
    plan: Plan
    spool: Spool
    report: TableReport
    known: pa.Table | None = None
    """Every row the warehouse has, when the table is read whole."""
    gone: list[str] = field(default_factory=list)
    """Ids that Whop no longer has."""
    loaded: pa.Table | None = None
    """Position, user and member of the rows that are new or changed, once settled."""
    deleted: pa.Table | None = None
    """Stored rows of `gone`, marked."""
    covered: tuple[Range, ...] = EVERYTHING
    """Of a table that is read whole: what this run has read, of which a row it has not seen may be
    gone."""
    left: tuple[Range, ...] = ()
    """Of a full pass that is to be gone on with: what it has not read."""
    cleaned: int = 0
    more: bool = False
    """Whether objects are left for the next run."""
    next_state: TableState | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing has stopped the table."""
        return self.report.status == "ok"

    def changed_rows(self) -> Iterator[pa.Table]:
        """Yield the rows to load: new, changed, and gone."""
        assert self.loaded is not None and self.deleted is not None
        wanted = self.loaded["position"].combine_chunks()
        start = 0
        waiting: list[pa.Table] = []
        for table in self.spool.tables():
            positions = pa.array(range(start, start + table.num_rows), pa.int64())
            start += table.num_rows
            waiting.append(table.filter(pc.is_in(positions, value_set=wanted)))
            if sum(map(len, waiting)) >= YIELDED_ROWS:
                yield pa.concat_tables(waiting)
                waiting.clear()
        last = pa.concat_tables([*waiting, self.deleted])
        if last.num_rows:
            yield last


class Extraction:
    """A run for one company, read before anything is loaded.

    Args:
        client: the API.
        company_id: the company, or "me" for the key's own.
        resources: the tables to read.
        settings: how far to reach back.
        states: state per table name, as the last good run left it; by the company's real id.
        warehouse: what the destination holds, by the company's real id.
        report: filled with a row per table.
        folder: where the rows that were read wait for the end of the run.
        privacy: what becomes of personal data.
        strict: raise the first error instead of noting it and going on with the other tables.
    """

    def __init__(
        self,
        client: WhopClient,
        company_id: str,
        resources: Sequence[Resource],
        settings: Settings,
        states: Callable[[str], Mapping[str, TableState]],
        warehouse: Callable[[str], Warehouse],
        report: RunReport,
        folder: str,
        privacy: Privacy,
        *,
        strict: bool,
    ) -> None:
        self._client = client
        self.company_id = company_id
        self._resources = resources
        self._settings = settings
        self._states = states
        self._open_warehouse = warehouse
        self._report = report
        self._privacy = privacy
        self._strict = strict
        self._company_error: WhopError | None = None
        # Goes when the extraction does: dlt reads from it until the last row is normalized.
        self._folder = tempfile.TemporaryDirectory(prefix="whop-", dir=folder)
        self.tables: dict[str, TableRun] = {}

    def read(self) -> None:
        """Read every table. Afterwards `tables` says what to load.

        Raises:
            WhopError: only when strict: whatever stops a table, or all of them.
        """
        started_at = datetime.now(UTC)
        try:
            company, now = self._company()
        except WhopError as error:
            if self._strict:
                raise
            self._report.unread[self.company_id] = str(error)
            self._report.refused |= not isinstance(error, Unavailable)
            if self._states(self.company_id):
                # Noted for a company that was loaded before, not for an id that may be a slip.
                self._report.tables.extend(
                    TableReport(
                        self.company_id,
                        resource.name,
                        started_at,
                        status="failed",
                        finished_at=datetime.now(UTC),
                        error=str(error),
                    )
                    for resource in self._resources
                )
            return
        self._begin(now, started_at)
        if "companies" in self.tables and company is not None:
            self._take(self.tables["companies"], [company])

        listed = [table for table in self.tables.values() if table.resource.listed]
        self._each(listed, self._walk)
        # Opened only now: reading can take hours, and no database likes to wait that long.
        with self._open_warehouse(self.company_id) as self._warehouse:
            self._compare(listed)
        self._finish(now)

    def _compare(self, listed: Sequence[TableRun]) -> None:
        """Fetch what the lists leave out, and find what is new, changed or gone."""
        referring = [table for table in listed if table.resource.name not in REFERRED_TABLES]
        for table in referring:
            self._guard(table, self._find_gone)
        for table in referring:
            if table.resource.name != "members":
                self._guard(table, self._read_details)
                self._guard(table, self._settle)
        if "members" in self.tables:
            self._guard(self.tables["members"], self._members_of_changes)
            self._guard(self.tables["members"], self._settle)
        for name in REFERRED_TABLES:
            if name in self.tables:
                self._guard(self.tables[name], self._find_gone)
                self._guard(self.tables[name], self._read_details)
                self._guard(self.tables[name], self._settle)
        for table in self.tables.values():
            if not table.resource.listed and table.resource.name != "companies":
                self._guard(table, self._follow)
                self._guard(table, self._settle)
        if "companies" in self.tables:
            self._guard(self.tables["companies"], self._settle)

    def _company(self) -> tuple[Row | None, datetime]:
        """The company's own row, and the server's time before anything else is asked."""
        try:
            row, now = self._client.object("/companies", self.company_id)
        except PermissionMissing as error:
            if self.company_id == "me":
                raise WhopError(
                    f"{error}. Set SOURCES__WHOP__COMPANY_ID: without company:basic:read the key "
                    "cannot be asked for its company"
                ) from error
            self._company_error = error
            return None, error.server_time
        except NotFound as error:
            raise NotFound(
                f"{error}. Set SOURCES__WHOP__COMPANY_ID (or _IDS) to a company of the key's"
            ) from error
        if self.company_id == "me":
            self.company_id = row["id"]
        return row, now

    def _begin(self, now: datetime, started_at: datetime) -> None:
        states = self._states(self.company_id)
        for resource in self._resources:
            state = states.get(resource.name, TableState())
            planned = plan(resource, state, now, self._settings)
            report = TableReport(
                self.company_id,
                resource.name,
                started_at,
                mode=planned.mode,
                cursor_before=state.cursor.isoformat() if state.cursor else None,
                resumed=bool(state.pass_left),
            )
            self._report.tables.append(report)
            spool = Spool(
                resource,
                RowTable(resource, self.company_id, now, self._privacy),
                Path(self._folder.name) / f"{resource.name}.arrow",
            )
            self.tables[resource.name] = TableRun(resource, state, planned, spool, report)
        if self._company_error and "companies" in self.tables:
            self._stop(self.tables["companies"], self._company_error)
        self._deleted_at = now

    def _each(self, tables: Sequence[TableRun], work: Callable[[TableRun], None]) -> None:
        """Do the work for all tables side by side: every operation has a rate limit of its own."""
        if tables:
            with ThreadPoolExecutor(len(tables)) as pool:
                try:
                    list(pool.map(lambda table: self._guard(table, work), tables))
                except BaseException:
                    # An interrupt, or the first error of a strict run: nothing of it will load.
                    self._client.stop()
                    raise

    def _guard(self, table: TableRun, work: Callable[[TableRun], None]) -> None:
        """Do the work unless the table was stopped; stop it, alone, when the work fails."""
        if not table.ok:
            return
        try:
            work(table)
        except WhopError as error:
            self._stop(table, error)

    def _stop(self, table: TableRun, error: WhopError) -> None:
        if self._strict:
            raise error
        if isinstance(error, PermissionMissing):
            table.report.status = "forbidden"
            needed = ", ".join(table.resource.permissions) or "no permission that is documented"
            table.report.error = f"{error}. The table needs of the API key: {needed}"
        else:
            table.report.status = "failed"
            table.report.error = str(error)

    def _walk(self, table: TableRun) -> None:
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
            return self._pages(table, {**params, "direction": "desc"} if newest_first else params)

        def enough() -> bool:
            most = table.plan.slice_rows
            return most is not None and table.report.rows_read >= most

        walks = RangeWalk(fetch, lambda page: self._take_page(table, page), enough)
        walks.read(walk.ranges)
        if table.plan.whole:
            table.covered, table.left = tuple(walks.covered), tuple(walks.left)

    def _read_pages(self, table: TableRun, walk: Walk) -> None:
        (part,) = walk.ranges
        for page in self._pages(table, {**walk.params, **part.params}):
            self._take_page(table, page)
            if walk.until and any(_older(row, *walk.until) for row in page.rows):
                return

    def _pages(self, table: TableRun, params: Params) -> Iterator[Page]:
        resource = table.resource
        if resource.unix_times:
            params = in_seconds(params)
        return self._client.pages(
            resource.path,
            {**resource.params, **params},
            tenant=resource.tenant,
            company_id=self.company_id,
            secrets=resource.secrets,
        )

    def _take_page(self, table: TableRun, page: Page) -> None:
        table.cleaned += page.cleaned
        self._take(table, page.rows)

    def _take(self, table: TableRun, rows: Sequence[Row]) -> None:
        resource = table.resource
        for row in rows:
            if not isinstance(row.get("id"), str):
                raise WhopError(f"GET {resource.path}: a row without an id")
            self._check_company(resource, row)
        table.spool.add(rows)
        table.report.rows_read += len(rows)
        self._report.progress(resource.name, len(rows))

    def _check_company(self, resource: Resource, row: Row) -> None:
        if resource.company_column is None:
            return
        value: Any = row
        for key in resource.company_column.split("__"):
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None and value != self.company_id:
            raise ForeignRow(
                f"GET {resource.path}: {row['id']} belongs to {value}, not to {self.company_id}; "
                "nothing of this table was loaded"
            )

    def _prove_company(self, table: TableRun) -> None:
        ids = table.spool.read_ids()
        for position in {0, len(ids) - 1} if len(ids) else ():
            row, _ = self._object(table.resource, ids[position].as_py())
            self._check_company(table.resource, row)

    def _object(self, resource: Resource, object_id: str) -> tuple[Row, datetime]:
        return self._client.object(resource.path, object_id, secrets=resource.secrets)

    def _find_gone(self, table: TableRun) -> None:
        """Ask by id for the rows a list should have had, and for those that other tables name."""
        resource = table.resource
        read = table.spool.read_ids()
        if table.plan.whole:
            table.known = self._warehouse.known(resource, created=table.covered)
            alive = table.known.filter(pc.invert(table.known["known_deleted"]))["id"]
            missing = alive.filter(pc.invert(pc.is_in(alive, value_set=read.combine_chunks())))
            expected = set(missing.to_pylist())
            # A walk that stops has read rows of the seconds next to what it covers, too.
            next_to = [
                Range(each.start - SECOND, each.start) for each in table.covered if each.start
            ]
            next_to += [Range(each.end, each.end + SECOND) for each in table.covered if each.end]
            if next_to:
                beyond = self._warehouse.known(resource, created=next_to)
                known_ids = table.known["id"].combine_chunks()
                beyond = beyond.filter(pc.invert(pc.is_in(beyond["id"], value_set=known_ids)))
                table.known = pa.concat_tables([table.known, beyond])
        elif resource.changes == "live_statuses":
            ended = ("status", resource.ended_statuses)
            expected = self._warehouse.alive_in(resource, outside=ended)
            expected |= self._warehouse.half_loaded(resource)
            expected -= set(read.to_pylist())
        else:
            return
        named: set[str] = set()
        for other in self.tables.values():
            if other.ok:
                named |= other.spool.refers_to[resource.name]
            for column, target in other.resource.refers_to.items():
                if target == resource.name and other.state.last_run != table.state.last_run:
                    # A run has loaded the one table and not the other: what its rows name may be
                    # missing since.
                    named |= self._warehouse.values(other.resource, column)
        named -= set(read.to_pylist()) if named else set()
        self._read_by_id(table, expected, named - expected)

    def _read_by_id(self, table: TableRun, expected: set[str], named: set[str]) -> None:
        """Read objects by id.

        Args:
            table: their table.
            expected: ids the warehouse has; one that Whop has no more is gone.
            named: ids other rows point to; one that cannot be read is left out.
        """
        unread = 0
        for object_id, answer in self._objects(table.resource, [*sorted(expected), *sorted(named)]):
            if isinstance(answer, dict):
                if object_id in named and self._is_foreign(table.resource, answer):
                    unread += 1
                else:
                    self._take(table, [answer])
            elif object_id in named:
                unread += 1
            elif isinstance(answer, NotFound) or table.plan.whole:
                # Without the permission to ask for it, the list's word that it is gone counts.
                table.gone.append(object_id)
        if unread:
            table.report.notes.append(f"{unread} objects that rows refer to cannot be read")

    def _objects(
        self, resource: Resource, ids: Sequence[str]
    ) -> Iterator[tuple[str, Row | NotFound | PermissionMissing]]:
        """Yield the objects with these ids, or why one cannot be read."""

        def read(object_id: str) -> Row | NotFound | PermissionMissing:
            try:
                return self._object(resource, object_id)[0]
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

    def _members_of_changes(self, table: TableRun) -> None:
        """Read the members whose payments or memberships changed, unless they were read already."""
        if table.plan.whole:
            return
        table.spool.flush()
        users: set[str] = set()
        userless: set[str] = set()
        last_run = table.state.last_run
        for name in ("payments", "memberships"):
            other = self.tables.get(name)
            if other is None:
                continue
            if other.ok and other.loaded is not None:
                loaded = other.loaded
                users.update(loaded["user__id"].drop_null().to_pylist())
                deleted = loaded.filter(pc.is_null(loaded["user__id"]))["member__id"]
                userless.update(deleted.drop_null().to_pylist())
            full_before = table.state.last_full == last_run
            if last_run is not None and (other.state.last_run != last_run or full_before):
                # A run has loaded the one table and not this one, or a full pass has read the two
                # side by side: members may be as of before the changes that are in there.
                since = last_run - self._settings.overlap
                users |= self._warehouse.values(other.resource, "user__id", since)
        for part in table.spool.index:
            users.difference_update(part["user__id"].to_pylist())
            userless.difference_update(part["id"].to_pylist())
        self._read_users(table, sorted(users))
        # The member of a deleted account cannot be asked for by its user.
        self._read_by_id(table, set(), userless)

    def _read_users(self, table: TableRun, users: Sequence[str]) -> None:
        def read(some: Sequence[str]) -> list[Page]:
            return list(self._pages(table, {"user_ids": some}))

        with ThreadPoolExecutor(READERS) as pool:
            for pages in pool.map(read, batched(users, IDS_PER_REQUEST)):
                for page in pages:
                    self._take_page(table, page)

    def _read_details(self, table: TableRun) -> None:
        """Read by id what a list shows in part: the new and changed rows, in a full pass all."""
        resource = table.resource
        if not resource.details:
            return
        table.spool.flush()
        read = pa.concat_tables(table.spool.index or [INDEX_SCHEMA.empty_table()])
        bare = read.filter(pc.equal(pc.utf8_length(read["_dlt_id"]), DIGEST_LENGTH))
        if table.plan.mode == "incremental" and table.known is not None:
            joined = bare.join(table.known.cast(KNOWN_SCHEMA), "id", join_type="left outer")
            same = pc.equal(self._comparable(resource, joined), joined["_dlt_id"])
            alive = pc.invert(joined["known_deleted"])
            bare = joined.filter(pc.invert(pc.fill_null(pc.and_(same, alive), False)))
        reasons: list[str] = []
        for _, answer in self._objects(resource, sorted(bare["id"].to_pylist())):
            if isinstance(answer, dict):
                self._take(table, [answer])
            else:
                reasons.append(str(answer))
        if reasons:
            missing = ", ".join(resource.details)
            table.report.notes.append(f"{len(reasons)} without {missing}: {reasons[0]}")

    def _comparable(self, resource: Resource, joined: pa.Table) -> Any:
        """The known digests, without their second half where a row was read from the list alone."""
        known = joined["known_digest"]
        if not resource.details:
            return known
        bare = pc.equal(pc.utf8_length(joined["_dlt_id"]), DIGEST_LENGTH)
        return pc.if_else(bare, pc.utf8_slice_codeunits(known, 0, DIGEST_LENGTH), known)

    def _follow(self, table: TableRun) -> None:
        """Read a table that has no list of its own, along the rows of other tables."""
        along = followed(table.resource)
        if not {*along} & (self.tables.keys() | self._states(self.company_id).keys()):
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
            choose = users_to_read if table.resource.name == "users" else files_to_read
            spools = {t.resource.name: t.spool for t in self.tables.values() if t.ok}
            ids = choose(self._warehouse, spools)
            some = ids[:OBJECTS_PER_RUN]
            denied = 0
            for asked, (object_id, answer) in enumerate(self._objects(table.resource, some), 1):
                if isinstance(answer, PermissionMissing):
                    denied += 1
                    if denied == asked == min(len(some), DENIED_IN_A_ROW):
                        raise answer
                # One that Whop does not show gets a row with its id alone, or every run would ask.
                self._take(table, [answer if isinstance(answer, dict) else {"id": object_id}])
            table.more = len(some) < len(ids)

    def _walk_per_row(self, table: TableRun, of: str, parameter: str, field_name: str) -> None:
        """Read the lists of all rows of another table, and note in each row whose it is."""
        parents = self._warehouse.alive_in(BY_NAME[of])
        other = self.tables.get(of)
        if other is not None and other.ok:
            parents |= set(other.spool.read_ids().to_pylist())
            parents -= set(other.gone)
        for parent in sorted(parents):
            pages = self._client.pages(
                table.resource.path,
                {**table.resource.params, parameter: parent},
                secrets=table.resource.secrets,
            )
            try:
                for page in pages:
                    table.cleaned += page.cleaned
                    self._take(table, [{**row, field_name: {"id": parent}} for row in page.rows])
            except NotFound:
                # It is gone and its own table has not noticed. Of its rows each is asked for by id
                # before it is called gone.
                continue

    def _read_fees(self, table: TableRun) -> None:
        """Read the fees of the payments whose present version has not been asked for."""
        payments = self.tables.get("payments")
        waiting, left = self._warehouse.payments_without_fees(OBJECTS_PER_RUN)

        def read(payment: tuple[str, str]) -> list[Row] | WhopError:
            path = table.resource.path.replace("{id}", payment[0])
            try:
                pages = self._client.pages(path, {}, operation=f"GET {table.resource.path}")
                return fees_of(*payment, [row for page in pages for row in page.rows])
            except NotFound:
                return fees_of(*payment, [])
            except WhopError as error:
                return error

        with ThreadPoolExecutor(READERS) as pool:
            for answer in pool.map(read, waiting):
                if isinstance(answer, WhopError):
                    raise answer
                self._take(table, answer)
        asked = [payment_id for payment_id, _ in waiting]
        known = self._warehouse.alive_in(table.resource, ("payment__id", asked))
        table.gone = sorted(known - set(table.spool.read_ids().to_pylist()))
        # Payments this run brings are in the warehouse when the next part, or run, looks.
        arriving = payments is not None and payments.loaded is not None and payments.loaded.num_rows
        table.more = left or bool(arriving)

    def _settle(self, table: TableRun) -> None:
        """Compare what was read with the warehouse: what is new, what has changed, what is gone."""
        resource = table.resource
        table.spool.close()
        findings = table.spool.rows.findings
        read = pa.concat_tables(table.spool.index or [INDEX_SCHEMA.empty_table()])
        read = read.append_column("position", pa.array(range(read.num_rows), pa.int64()))
        # Of a row that was read twice the later answer counts.
        last = read.group_by("id").aggregate([("position", "max")])["position_max"]
        read = read.filter(pc.is_in(read["position"], value_set=last.combine_chunks()))
        known = table.known
        if known is None:
            few = read.num_rows <= ASKED_BY_ID
            known = self._warehouse.known(resource, read["id"].to_pylist() if few else None)
        joined = read.join(known.cast(KNOWN_SCHEMA), "id", join_type="left outer")
        is_new = pc.is_null(joined["known_digest"])
        differs = pc.not_equal(self._comparable(resource, joined), joined["_dlt_id"])
        is_changed = pc.fill_null(pc.or_(differs, joined["known_deleted"]), False)
        # The company's row is written by every run, so that the newest _whop_synced_at is that of
        # the last run even when nothing has changed.
        every = pc.is_valid(joined["id"])
        wanted = every if resource.name == "companies" else pc.or_(is_new, is_changed)
        table.loaded = joined.filter(wanted).select(["position", "user__id", "member__id"])
        gone = sorted(set(table.gone) - set(read["id"].to_pylist())) if table.gone else []
        table.deleted = self._warehouse.rows(resource, gone, self._deleted_at)
        report = table.report
        report.rows_new = pc.sum(is_new).as_py() or 0
        report.rows_changed = pc.sum(is_changed).as_py() or 0
        report.rows_deleted = table.deleted.num_rows
        if findings.unknown:
            report.notes.append("unknown fields kept in _whop_extra: " + _counted(findings.unknown))
        if findings.unfit:
            report.notes.append(
                "values of an unexpected type kept in _whop_extra: " + _counted(findings.unfit)
            )
        if table.cleaned:
            report.notes.append(f"{table.cleaned} texts had characters no database holds")

    def _finish(self, now: datetime) -> None:
        for table in self.tables.values():
            report = table.report
            report.finished_at = datetime.now(UTC)
            path = table.resource.path
            for operation in (f"GET {path}", f"GET {path}/{{id}}"):
                report.requests += self._client.requests.pop(operation, 0)
                report.retries += self._client.retries.pop(operation, 0)
            after = table.state
            if table.ok:
                after = table.next_state = remember(
                    table.resource,
                    table.state,
                    table.plan.mode,
                    now,
                    table.spool.newest,
                    table.left,
                )
                report.unfinished = bool(table.left) or table.more
            report.cursor_after = after.cursor.isoformat() if after.cursor else None


def _older(row: Row, column: str, moment: datetime) -> bool:
    try:
        return to_timestamp(row[column]) < moment
    except (KeyError, *UNFIT):
        return False


def _counted(counter: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in sorted(counter.items()))
