"""The pipeline: extract and load a Whop business, then model it."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dlt.common.destination.exceptions import DestinationException
from dlt.common.exceptions import SignalReceivedException
from dlt.common.runtime import signals
from dlt.extract import DltSource
from dlt.pipeline.exceptions import PipelineStepFailed

from whop_source import RateLimit, RunReport, whop
from whop_source.resources import REFERRED_TABLES

from .alerts import Watch, post_digest, tell_age, tell_restated
from .bucket_models import models_home
from .causes import first_line, root_cause
from .destination import (
    DATASET,
    MODELLED,
    WORK_FOLDER,
    Destination,
    open_destination,
)
from .destination_trouble import is_of_database
from .errors import ExitCode, NothingThere, PipelineError, SettingError
from .figures import counted
from .lock import database_lock, loading_turn, wait_for_readers
from .log import event
from .marts_copy import copy_path, write_copy
from .reading import Warehouse
from .run_lock import run_lock
from .settings import base_url, company_ids, source
from .settings.wrong import explained
from .status import shown_companies
from .transform import Progress, transform
from .waits import who_holds

Loading = Callable[[], None]

SIDE_BY_SIDE = ("postgres",)
"""Destinations with a lock that lets several companies be synced at the same time."""

SLICE_ROWS = 100_000
"""Rows of a full pass that are loaded at a time: some two minutes of what Whop allows, and the most
that a run that dies has to read again."""


def sync(
    destination: Destination,
    report: RunReport,
    *,
    full: bool = False,
    tables: Sequence[str] | None = None,
    loading: Loading | None = None,
    **settings: Any,
) -> ExitCode:
    """Read what is new, changed or gone at Whop, and load it.

    Args:
        destination: the warehouse.
        report: filled with what the run did, table by table.
        full: read every table whole.
        tables: names of the tables to read; None reads all.
        loading: called when reading is over and loading begins.
        settings: settings of the source that are not to come from dlt's configuration.

    Returns:
        OK, PARTLY when a permission or a list is missing or a value that the models use cannot be
        read, FAILED when a table could not be read, SETTING when nothing could because of the key
        or the company.

    Raises:
        SettingError: a setting of the source is missing or wrong.
        PipelineError: the destination could not be loaded; nothing of the run counts.
    """
    overrides: dict[str, Any] = {
        "slice_rows": SLICE_ROWS,
        # Whop does not forget between two parts what the first has asked.
        "rate_limit": RateLimit(),
        **settings,
    }
    if full:
        overrides["full"] = True
    if tables:
        overrides["tables"] = tables
    if destination.company_id:
        overrides["company_ids"] = [destination.company_id]
    _refuse_mixture(destination, overrides)
    earlier: set[str] | None = None
    while True:
        part = RunReport(run_id=report.run_id, progress=report.progress)
        _sync_part(destination, part, overrides, loading)
        report.absorb(part)
        if earlier is None:
            # Passes that a run before this one has begun.
            earlier = {table.table for table in part.tables if table.resumed}
        good = {table.table for table in report.tables if table.status == "ok"}
        unfinished = {table.table for table in part.tables if table.unfinished}
        if unfinished:
            # The passes under way go on by themselves. Plans and products that no list shows are
            # read with the rows that name them.
            with_them = {table.table for table in part.tables} & set(REFERRED_TABLES)
            wanted = unfinished | with_them
        elif earlier & good:
            # Such a pass leaves its rows as of its own start; what has happened since then, to them
            # and to what follows from them, is found as after any other pass.
            wanted, earlier = good, set()
        else:
            break
        overrides |= {"tables": sorted(wanted), "full": False}
        # The rows a part has read lie on disk until its extraction is collected.
        gc.collect()
    for notice in report.notices.values():
        event(notice, logging.WARNING, run_id=report.run_id)
    # No warning: nothing is wrong, and a schedule would be told of it every hour.
    for reason in report.left_out.values():
        event(reason, run_id=report.run_id)
    for company_id, reason in report.unread.items():
        event(
            f"{company_id}: {reason}" if report.tables or len(report.unread) > 1 else reason,
            logging.ERROR,
            run_id=report.run_id,
            company_id=company_id,
            error=reason,
        )
    several = len({table.company_id for table in report.tables}) > 1
    for table in report.tables:
        if table.company_id in report.unread:
            continue
        name = f"{table.company_id} {table.table}" if several else table.table
        event(
            f"{name}: {table.rows_new:,} new, {table.rows_changed:,} changed, "
            f"{table.rows_deleted:,} deleted ({counted(table.requests, 'request')})"
            if table.status == "ok"
            else f"{name}: {table.status}: {table.error}",
            logging.INFO if table.status == "ok" else logging.ERROR,
            run_id=report.run_id,
            company_id=table.company_id,
            table=table.table,
            status=table.status,
            mode=table.mode,
            rows_read=table.rows_read,
            rows_new=table.rows_new,
            rows_changed=table.rows_changed,
            rows_deleted=table.rows_deleted,
            requests=table.requests,
            retries=table.retries,
            error=table.error,
        )
        if table.unreadable:
            event(
                f"{name}: Whop has values that cannot be read, which the numbers lack: "
                f"{table.unreadable_values}. They are in _whop_extra",
                logging.ERROR,
                run_id=report.run_id,
                company_id=table.company_id,
                table=table.table,
                unreadable=table.unreadable,
            )
        for note in table.notes:
            event(f"{name}: {note}", run_id=report.run_id, table=table.table)
    return exit_code(report)


def _refuse_mixture(destination: Destination, given: Mapping[str, Any]) -> None:
    """Keep a real business out of the warehouse of the demo's invented one."""
    root = given.get("base_url") or base_url()
    if (
        destination.name not in (*MODELLED, "filesystem")
        or urlsplit(root).hostname in _THIS_MACHINE
    ):
        return
    from whop_simulator import Business

    invented = Business.empty().company_id
    raw = destination.pipeline.dataset_name
    try:
        _, rows = destination.query(
            f"select count(*) from {raw}.companies where company_id = %s", invented
        )
    except NothingThere:
        return
    if rows[0][0]:
        raise SettingError(
            f"{destination.location} holds the invented business of `whop-elt demo`: run in "
            "another folder, or take that file away"
        )


_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
"""Where simulators answer."""


def open_source(**settings: Any) -> DltSource:
    """Return the source with dlt's settings and these.

    Raises:
        SettingError: a setting is missing or wrong; the text names it.
    """
    try:
        with explained():
            return whop(**source(**settings))
    except ValueError as error:
        raise SettingError(str(error)) from error


def _sync_part(
    destination: Destination,
    report: RunReport,
    overrides: dict[str, Any],
    loading: Loading | None,
) -> None:
    """Extract and load once."""
    source = open_source(report=report, **overrides)
    pipeline = destination.pipeline
    try:
        pipeline.extract(source)
        if loading:
            loading()
        # dlt ends what it is writing before it heeds an interrupt; what comes after must not run.
        # One connection stays open meanwhile: DuckDB tidies the file up when the last one is
        # closed, which dlt would let happen after every table.
        with (
            loading_turn(destination),
            signals.intercepted_signals(),
            pipeline.sql_client(),
        ):
            pipeline.normalize()
            pipeline.load(raise_on_failed_jobs=True)
            if signals.was_signal_received():
                raise KeyboardInterrupt
    except (PipelineStepFailed, DestinationException) as error:
        if isinstance(root_cause(error), KeyboardInterrupt | SignalReceivedException):
            raise KeyboardInterrupt from error
        unended = "The load did not end; what it was to bring comes with the next run"
        if trouble := destination.trouble(error):
            raise type(trouble)(f"{unended}: {trouble}") from error
        says = first_line(root_cause(error)).rstrip("!.")
        advice = f". {destination.advice(says)}" if is_of_database(error) else ""
        if "due to lock timeout" in says:
            advice = f". {DATASET} could not be had in time: {who_holds(destination, DATASET)}"
        raise PipelineError(f"{unended}: {says}{advice}") from error


def exit_code(report: RunReport) -> ExitCode:
    """What the tables' outcomes mean for the run."""
    statuses = {table.status for table in report.tables}
    if report.refused and "ok" not in statuses:
        return ExitCode.SETTING
    if report.unread or "failed" in statuses or "ok" not in statuses:
        return ExitCode.FAILED
    whole = statuses == {"ok"} and not any(table.unreadable for table in report.tables)
    return ExitCode.OK if whole else ExitCode.PARTLY


def companies_to_sync(destination_name: str) -> list[str | None]:
    """What can be synced at the same time: each company where that is safe, else all in one.

    Returns:
        Company ids, each for a `locked_destination` of its own; or only None: all in one sync.

    Raises:
        SettingError: one is no id.
    """
    companies = company_ids()
    if len(companies) > 1 and destination_name in SIDE_BY_SIDE:
        return list(companies)
    return [None]


def run(
    destination_name: str,
    report: RunReport,
    *,
    full: bool = False,
    tables: Sequence[str] | None = None,
    company_id: str | None = None,
    loading: Loading | None = None,
    modelling: Progress | None = None,
    page: Path | None = None,
    watch: Watch | None = None,
    **settings: Any,
) -> tuple[Destination, ExitCode]:
    """Sync, transform and report: the whole line, under the lock. What cron calls.

    What could be loaded is modelled even when a table failed: that table's rows are those of its
    last good run, and the report says so. With no table read, there is nothing new to model. When a
    test of the models fails, the report stays the one of the last good run.

    Args:
        destination_name: a dlt destination name.
        report: filled with what the run did, table by table.
        full: read every table whole.
        tables: names of the tables to read; None reads all.
        company_id: the only company to sync, with cursors of its own; the models are of all.
        loading: called when reading is over and loading begins.
        modelling: called when a model or test is done.
        page: where to write the report; None writes none.
        watch: notes what comes of it, for alerts.
        settings: settings of the source that are not to come from dlt's configuration.

    Returns:
        Where the numbers are to be read from, and how it went.

    Raises:
        PipelineError: see `sync`, `transform`, `write_report` and `locked_destination`.
    """
    watch = watch or Watch(report.run_id)
    with ExitStack() as stack:
        destination = stack.enter_context(opened(watch, destination_name, company_id))
        with watch.step("sync"), _served(destination):
            code = sync(destination, report, full=full, tables=tables, loading=loading, **settings)
        watch.synced(report)
        if company_id:
            # The models are of all companies: no other of them may be loading.
            stack.close()
            destination = stack.enter_context(opened(watch, destination_name))
        if not any(table.status == "ok" for table in report.tables):
            tell_age(watch, destination)
            return destination, code
        with watch.step("models"):
            home = stack.enter_context(models_home(destination))
            count = transform(home, progress=modelling)
        watch.transformed()
        event(f"{count} models and tests", count=count)
        tell_restated(watch, home)
        if page:
            with watch.step("report"):
                report_to(home, page)
        post_digest(home, [report.run_id], partial(brief, home))
        tell_age(watch, destination)
        return home, code


def brief(destination: Warehouse) -> str:
    """The report's brief edition, as text."""
    from .report import brief_text, read_pages

    return brief_text(read_pages(destination, shown_companies(destination)))


@contextmanager
def _served(destination: Destination) -> Iterator[None]:
    """Leave readers a copy of the marts also when no new ones will be built."""
    try:
        yield
    finally:
        if destination.name == "duckdb" and not copy_path(Path(destination.location)).exists():
            # What stands in the way of it is said by what it stands in the way of as well.
            with suppress(PipelineError):
                write_copy(destination)


@contextmanager
def opened(watch: Watch, name: str, company_id: str | None = None) -> Iterator[Destination]:
    """Open a destination as `locked_destination` does, and have the watch note whether it could."""
    with ExitStack() as stack:
        with watch.step("warehouse"):
            destination = stack.enter_context(locked_destination(name, company_id))
        watch.destination = destination
        yield destination


def report_to(destination: Warehouse, page: Path, companies: Sequence[str] = ()) -> Path:
    """Write the report, and say where it is; see `write_report`.

    Args:
        destination: a warehouse whose models are built.
        page: the file.
        companies: those it is about; none named, it is about those that are configured.
    """
    # What draws the charts takes a moment to import; the other commands do not wait for it.
    from .report import write_report

    written = write_report(destination, page, companies or shown_companies(destination))
    event(f"The report is {written}", report=str(written))
    return written


@contextmanager
def locked_destination(name: str, company_id: str | None = None) -> Iterator[Destination]:
    """Open a destination that no other run changes while the block runs.

    Args:
        name: a dlt destination name.
        company_id: only this company is to be synced; on Postgres, others may be meanwhile.

    Raises:
        Locked: a run is under way.
        PipelineError: see `open_destination`.
    """
    side_by_side = company_id is not None and name in SIDE_BY_SIDE
    with run_lock(WORK_FOLDER / (f"lock-{company_id}" if side_by_side else "lock")):
        wait_for_readers(name)
        destination = open_destination(name, company_id)
        with database_lock(destination):
            yield destination
