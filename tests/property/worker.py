"""Runs one sync per line of stdin, each in a fork of its own, so that it can be killed.

Started once per scenario: dlt and its friends are imported once, and a fork costs nothing. A fork
does what `whop-elt sync` does (lock, destination, sync), or kills itself with SIGKILL at the point
it was told. What the run reported until then is in the file it was told.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt.destinations.job_client_impl as job_client_impl
import dlt.extract.extract as extract
import dlt.load.load as load
import dlt.normalize.normalize as normalize
from dlt.common.destination.client import RunnableLoadJob
from dlt.destinations.sql_client import SqlClientBase

import whop_elt.run as pipeline
import whop_source.client as client
import whop_source.ranges as ranges
import whop_source.reading as reading
import whop_source.spool as spool
import whop_source.table_run as table_run
import whop_source.warehouse as warehouse
from whop_elt.destination import open_destination
from whop_elt.errors import PipelineError
from whop_elt.run import locked_destination, sync
from whop_source import RunReport

PAGE_SIZE = 10
SMALL: tuple[tuple[Any, str, int], ...] = (
    (client, "PAGE_SIZE", PAGE_SIZE),
    (ranges, "PAGE_SIZE", PAGE_SIZE),
    (ranges, "PAGES_WORTH_A_RANGE", 2),
    (reading, "IDS_PER_REQUEST", 3),
    (spool, "BATCH_ROWS", 25),
    (table_run, "YIELDED_ROWS", 60),
    (warehouse, "_CHUNK", 17),
    (warehouse, "_VALUES_PER_QUERY", 7),
)
"""Sizes made so small that a business of fifty members has many pages, ranges and queries."""


def _before(owner: Any, name: str, call: Callable[..., None]) -> None:
    """Call something before a method runs."""
    original = getattr(owner, name)

    def patched(*args: Any, **kwargs: Any) -> Any:
        call(*args, **kwargs)
        return original(*args, **kwargs)

    setattr(owner, name, patched)


def _after(owner: Any, name: str, call: Callable[..., None]) -> None:
    """Call something after a method has run."""
    original = getattr(owner, name)

    def patched(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        call(*args, **kwargs)
        return result

    setattr(owner, name, patched)


def _table_of(job: Any) -> str:
    return str(job.job_file_info().table_name)


def arm(point: str, table: str, number: int, strike: Callable[[], None]) -> None:
    """Strike when the sync comes to the point.

    read: before the `number`-th request. extract: everything is read, nothing of it committed to
    disk. normalize, normalized: before and after it. schema: tables exist, nothing is loaded.
    job: `number` load jobs are done. merging: `table` is merged, the transaction is open. merged:
    it is closed. first: the same, and no other table is merged yet. copied: a job has written to
    `table`, or to its staging. complete: all rows are loaded, the package that carries the state is
    not complete. completed: it is.
    """
    seen = 0

    def count(*_: Any, **__: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            strike()

    def now(*_: Any, **__: Any) -> None:
        strike()

    match point:
        case "read":
            _before(client.WhopClient, "_send", count)
        case "extract":
            _before(extract.Extract, "commit_packages", now)
        case "normalize":
            _before(normalize.Normalize, "run", now)
        case "normalized":
            _before(load.Load, "run", now)
        case "schema":
            _after(load.Load, "initialize_package", now)
        case "job":
            _before(load.Load, "create_followup_jobs", count)
        case "merging":
            original = SqlClientBase.execute_many

            def execute_many(self: Any, statements: Any, *args: Any, **kwargs: Any) -> Any:
                result = original(self, statements, *args, **kwargs)
                text = "\n".join(statements)
                if "INSERT INTO" in text and f'_staging"."{table}"' in text:
                    strike()
                return result

            SqlClientBase.execute_many = execute_many  # type: ignore[method-assign]
        case "merged":

            def merged(job: Any) -> None:
                if _table_of(job) == table:
                    strike()

            _after(job_client_impl.SqlLoadJob, "run", merged)
        case "first":
            struck = threading.Event()
            run_managed = RunnableLoadJob.run_managed

            def held_back(job: Any, *args: Any, **kwargs: Any) -> Any:
                # Of the others, whatever writes to a table that is read waits until it is too late.
                merges = isinstance(job, job_client_impl.SqlLoadJob)
                if _table_of(job) != table and (merges or _table_of(job) == "membership_states"):
                    struck.wait(4)
                result = run_managed(job, *args, **kwargs)
                if merges and _table_of(job) == table:
                    strike()
                    struck.set()
                return result

            RunnableLoadJob.run_managed = held_back  # type: ignore[method-assign]
        case "copied":

            def copied(_self: Any, _id: str, _state: str, job: Any, *_: Any) -> None:
                if _table_of(job) == table:
                    strike()

            _before(load.Load, "create_followup_jobs", copied)
        case "complete":
            _before(job_client_impl.SqlJobClientBase, "complete_load", now)
        case "completed":
            _after(job_client_impl.SqlJobClientBase, "complete_load", now)
        case _:
            raise ValueError(point)


POINTS = (
    "read",
    "extract",
    "normalize",
    "normalized",
    "schema",
    "job",
    "merging",
    "merged",
    "first",
    "copied",
    "complete",
    "completed",
)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hang_up(url: str, application: str) -> Callable[[], None]:
    """End every connection to the database, or those of an application, once."""
    done = False

    def strike() -> None:
        nonlocal done
        if done:
            return
        done = True
        import psycopg2

        connection = psycopg2.connect(url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid() "
                "and application_name like %s",
                (application or "%",),
            )
        connection.close()

    return strike


def _run(order: dict[str, Any]) -> int:
    os.chdir(order["folder"])
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    engine = order["engine"]
    os.environ[f"DESTINATION__{engine.upper()}__CREDENTIALS"] = order["credentials"]
    for module, name, size in SMALL:
        getattr(module, name)  # a size that is gone must be noticed
        setattr(module, name, size)
    if order.get("age"):
        from aging import RELEASES, age

        age(open_destination(engine).pipeline, RELEASES[order["age"]])
        shutil.rmtree(".whop-elt")
    report = RunReport()
    said: dict[str, Any] = {"code": None, "error": None}
    parts: list[RunReport] = []

    def part(*args: Any, **kwargs: Any) -> RunReport:
        parts.append(RunReport(*args, **kwargs))
        return parts[-1]

    setattr(pipeline, "RunReport", part)  # noqa: B010 - it is no part of its face

    def tell() -> None:
        said["parts"] = len(parts)
        said["unfinished"] = [(t.company_id, t.table) for t in report.tables if t.unfinished]
        said["run_id"], said["unread"] = report.run_id, report.unread
        said["tables"] = [
            {name: str(value) if hasattr(value, "isoformat") else value
             for name, value in record.items()}
            for record in report.records()
        ]  # fmt: skip
        Path(order["result"]).write_text(json.dumps(said))

    if order.get("point"):
        hang_up = order.get("hang_up")

        def kill() -> None:
            if order["point"] == "completed":
                report.absorb(parts[-1])
            tell()
            _kill()

        strike = _hang_up(order["credentials"], order.get("application", "")) if hang_up else kill
        arm(order["point"], order["table"], order["number"], strike)
    try:
        with locked_destination(engine) as destination:
            said["code"] = int(sync(destination, report, **order["settings"]))
    except PipelineError as error:
        said["code"], said["error"] = int(error.exit_code), str(error)
    tell()
    return 0


def main() -> None:
    """Fork for every order; answer with how the fork ended."""
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = _run(order)
                atexit._run_exitfuncs()
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
