"""The order of a run's phases for one company: read the lists, compare, follow, remember."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path

from .client import LEGACY, Row
from .comparison import Comparison
from .context import RunContext
from .errors import (
    NotFound,
    NotOffered,
    OtherSurface,
    PermissionMissing,
    RequestRefused,
    Unavailable,
    WhopError,
)
from .followers import Followers
from .planning import TableState, on_version, plan, remember, renewed
from .reading import Reader
from .resources import BY_NAME, REFERRED_TABLES
from .run_report import TableReport
from .schema import RowTable
from .spool import Spool
from .table_run import TableRun
from .values import UNFIT, to_timestamp
from .warehouse import Warehouse


class Extraction:
    """A run for one company, read before anything is loaded.

    Args:
        context: what the run is given.
        company_id: the company, or "me" for the key's own.
    """

    def __init__(self, context: RunContext, company_id: str) -> None:
        self._context = context
        self.company_id = company_id
        self._company_error: WhopError | None = None
        # Goes when the extraction does: dlt reads from it until the last row is normalized.
        self._folder = tempfile.TemporaryDirectory(prefix="whop-", dir=context.pipeline.working_dir)
        self.tables: dict[str, TableRun] = {}

    def read(self) -> None:
        """Read every table. Afterwards `tables` says what to load.

        Raises:
            WhopError: only when strict: whatever stops a table, or all of them.
        """
        started_at = datetime.now(UTC)
        try:
            company, now = self._company()
            self._context.structure.have_made_anew(now)
        except WhopError as error:
            if self._context.strict:
                raise
            self._note_unread(error, started_at)
            return
        self._begin(now, started_at)
        lived = (None if company is None else _began(company), now)
        report = self._context.report
        reader = Reader(self._context.client, self.company_id, report.progress, lived)
        if company is not None:
            for table in self._tables(lambda table: table.resource.is_company):
                reader.take(table, [company])

        listed = self._tables(lambda table: table.resource.listed)
        self._each(listed, reader.walk)
        # Opened only now: reading can take hours, and no database likes to wait that long.
        missing = self._context.structure.missing
        with Warehouse(self._context.pipeline, self.company_id, missing) as warehouse:
            self._compare(reader, warehouse, now)
        self._finish(now)

    def _compare(self, reader: Reader, warehouse: Warehouse, now: datetime) -> None:
        """Fetch what the lists leave out, and find what is new, changed or gone."""
        context = self._context
        comparison = Comparison(
            reader, warehouse, self.tables, context.settings, now, context.privacy
        )
        followers = Followers(
            self._context.client,
            reader,
            warehouse,
            self.tables,
            self._known_states().keys(),
            comparison.find_gone,
        )
        listed = self._tables(lambda table: table.resource.listed)
        referring = [table for table in listed if table.resource.name not in REFERRED_TABLES]
        for table in referring:
            self._guard(table, comparison.find_gone)
        # Each after those that its rows change with.
        for table in _in_order(referring):
            self._guard(table, comparison.read_named_by)
            self._guard(table, comparison.read_changed_with)
            self._guard(table, comparison.read_details)
            self._guard(table, comparison.settle)
        # What the tables before name is known now.
        for name in REFERRED_TABLES:
            if name in self.tables:
                self._guard(self.tables[name], comparison.find_gone)
                self._guard(self.tables[name], comparison.read_details)
                self._guard(self.tables[name], comparison.settle)
        for table in self._tables(lambda table: table.resource.follows):
            self._guard(table, followers.follow)
            self._guard(table, comparison.settle)
        for table in self._tables(lambda table: table.resource.is_company):
            self._guard(table, comparison.settle)

    def _tables(self, chosen: Callable[[TableRun], bool]) -> list[TableRun]:
        return [table for table in self.tables.values() if chosen(table)]

    def _known_states(self) -> dict[str, TableState]:
        return dict(self._context.states.get(self.company_id, {}))

    def _company(self) -> tuple[Row | None, datetime]:
        """The company's own row, and the server's time before anything else is asked."""
        client = self._context.client
        reader = Reader(client, self.company_id, self._context.report.progress)
        try:
            row, now = reader.company(BY_NAME["companies"])
        except RequestRefused as error:
            # Nothing in the request is ours to choose but the version it is for.
            raise RequestRefused(
                f"{error}. Set SOURCES__WHOP__API_VERSION, which is {client.api_version}, to a "
                f"version that Whop has: {LEGACY}"
            ) from error
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

    def _note_unread(self, error: WhopError, started_at: datetime) -> None:
        """Nothing of the company could be read."""
        report = self._context.report
        report.unread[self.company_id] = str(error)
        report.refused |= not isinstance(error, Unavailable)
        if self._known_states():
            # Noted for a company that was loaded before, not for an id that may be a slip.
            report.tables.extend(
                TableReport(
                    self.company_id,
                    resource.name,
                    started_at,
                    status="failed",
                    finished_at=datetime.now(UTC),
                    error=str(error),
                )
                for resource in self._context.resources
            )

    def _begin(self, now: datetime, started_at: datetime) -> None:
        states = self._known_states()
        structure = self._context.structure
        for resource in self._context.resources:
            made_anew = structure.made_anew(resource)
            known = states.get(resource.name, TableState())
            was_on = known.api_version
            resource = resource.on(self._context.client.surface)
            state = on_version(known, self._context.settings.api_version)
            state = renewed(state, self._context.settings, made_anew)
            planned = plan(resource, state, now, self._context.settings)
            report = TableReport(
                self.company_id,
                resource.name,
                started_at,
                mode=planned.mode,
                cursor_before=state.cursor.isoformat() if state.cursor else None,
                resumed=bool(state.pass_left),
            )
            self._context.report.tables.append(report)
            spool = Spool(
                resource,
                RowTable(resource, self.company_id, now, self._context.privacy, made_anew),
                Path(self._folder.name) / f"{resource.name}.arrow",
            )
            self.tables[resource.name] = TableRun(resource, state, planned, spool, report)
            if was_on not in (None, state.api_version):
                self._context.report.notices["api_version"] = (
                    f"Whop's API was read in version {was_on} and is in {state.api_version} now: "
                    "tables are read whole, once"
                )
        if self._company_error:
            for table in self._tables(lambda table: table.resource.is_company):
                self._stop(table, self._company_error)

    def _each(self, tables: Sequence[TableRun], work: Callable[[TableRun], None]) -> None:
        """Do the work for all tables side by side: every operation has a rate limit of its own."""
        if tables:
            with ThreadPoolExecutor(len(tables)) as pool:
                try:
                    list(pool.map(lambda table: self._guard(table, work), tables))
                except BaseException:
                    # An interrupt, or the first error of a strict run: nothing of it will load.
                    self._context.client.stop()
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
        resource = table.resource
        never_loaded = resource.name not in self._known_states()
        if (
            isinstance(error, PermissionMissing | NotOffered)
            and resource.forgoable
            and resource.name not in self._context.named
            and never_loaded
        ):
            self._leave_out(table, error)
            return
        if self._context.strict:
            raise error
        if isinstance(error, OtherSurface):
            # What is of the other surface here is so in every table, whether it can be seen or not.
            for each in self.tables.values():
                each.report.status, each.report.error = "failed", str(error)
        elif isinstance(error, PermissionMissing):
            table.report.status = "forbidden"
            needed = ", ".join(table.resource.permissions) or "no permission that is documented"
            table.report.error = f"{error}. The table needs of the API key: {needed}"
        elif isinstance(error, NotOffered):
            table.report.status = "not_available"
            table.report.error = (
                f"{error}. This account, or this version of the API, does not have the list: name "
                f"the tables you want in SOURCES__WHOP__TABLES, without {table.resource.name}"
            )
        else:
            table.report.status = "failed"
            table.report.error = str(error)

    def _leave_out(self, table: TableRun, error: WhopError) -> None:
        """Go on without a table that nobody has asked for by name: as if there were none."""
        name = table.resource.name
        reason = (
            "This account, or this version of the API, does not have the list"
            if isinstance(error, NotOffered)
            else f"With {', '.join(table.resource.permissions)} the key could read it"
        )
        self._context.report.left_out[f"{name} of {self.company_id}"] = (
            f"{name} is left out: {error}. {reason}; a run fails for it when "
            "SOURCES__WHOP__TABLES names it"
        )
        self._context.report.tables.remove(table.report)
        table.report.status = "not_available"

    def _finish(self, now: datetime) -> None:
        client = self._context.client
        for table in self.tables.values():
            report = table.report
            report.finished_at = datetime.now(UTC)
            path, feed = table.resource.path, table.resource.feed
            operations = [f"GET {path}", f"GET {path}/{{id}}"]
            for operation in [*operations, f"GET {feed.path}"] if feed else operations:
                report.requests += client.requests.pop(operation, 0)
                report.retries += client.retries.pop(operation, 0)
            after = table.state
            if table.ok:
                unreadable = table.unreadable()
                report.unreadable = dict(Counter(chain.from_iterable(unreadable.values())))
                after = table.next_state = remember(
                    table.resource,
                    table.state,
                    table.plan.mode,
                    now,
                    table.spool.newest,
                    table.left,
                    unreadable,
                    report.rows_read if table.resource.paced and table.plan.whole else None,
                )
                report.unfinished = bool(table.left) or table.more
            report.cursor_after = after.cursor.isoformat() if after.cursor else None
        self._context.report.notices |= client.notices


def _began(company: Row) -> datetime | None:
    """When the company did, as far as its row says so."""
    try:
        return to_timestamp(company["created_at"])
    except (KeyError, *UNFIT):
        return None


def _in_order(tables: Sequence[TableRun]) -> list[TableRun]:
    """The tables, each behind those whose rows say what has changed in it."""
    by_name = {table.resource.name: table for table in tables}
    sorter = TopologicalSorter(
        {
            name: {*table.resource.changes_with, *table.resource.named_by} & by_name.keys()
            for name, table in by_name.items()
        }
    )
    return [by_name[name] for name in sorter.static_order()]
