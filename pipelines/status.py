"""How fresh the warehouse is, where its cursors stand, and how the last runs went."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from whop_source.structure import missing_parts, told

from .destination import DATASET, MARTS, Destination
from .errors import NothingThere
from .reading import Reader, Warehouse, tell_copy
from .settings import company_ids
from .settings import tables as chosen_tables

RUNS_SHOWN = 5

NOT_TO_BE_READ = ("forbidden", "not_available")
"""Outcomes of a table that no waiting mends: it has no age."""


def read_status(warehouse: Warehouse) -> dict[str, Any]:
    """Return what `sync_runs` says, ready for JSON.

    Returns:
        `tables`: per company and table, the last run, its outcome, cursor, error, the time of the
        last good run, and that run's age in hours; `runs`: the newest runs; `age_hours`: age of the
        stalest table that the key may read, None when one was never read. Tables and companies that
        are not chosen any more are left out; `missing`: what the warehouse lacks, and what becomes
        of it; `copied_at`: when what was read was copied, None when it is the warehouse itself. The
        copy for readers knows of each table the last run and its outcome, as of the last build, and
        no cursors, no runs and nothing of what is missing.
    """
    now = datetime.now(UTC)
    copied_at = warehouse.copied_at if isinstance(warehouse, Reader) else None
    _, rows = warehouse.query(
        f"""select company_id, table_name, last_run_status, null, last_run_at, null, null,
              last_read_at
            from {MARTS}.data_freshness order by company_id, table_name"""
        if copied_at
        else f"""with ranked as (
              select company_id, table_name, status, mode, started_at, cursor_after, error,
                row_number() over (
                  partition by company_id, table_name order by started_at desc
                ) as newest,
                max(case when status = 'ok' then started_at end) over (
                  partition by company_id, table_name
                ) as good_at
              from {DATASET}.sync_runs
            )
            select company_id, table_name, status, mode, started_at, cursor_after, error, good_at
            from ranked where newest = 1 order by company_id, table_name"""
    )
    names = ("company_id", "table", "status", "mode", "started_at", "cursor", "error", "good_at")
    wanted, companies = chosen_tables(), company_ids()
    tables = [
        table
        for table in (dict(zip(names, row, strict=True)) for row in rows)
        if table["table"] in wanted and (not companies or table["company_id"] in companies)
    ]
    for table in tables:
        good_at = table["good_at"]
        if good_at is not None and good_at.tzinfo is None:
            # MySQL gives UTC without saying so.
            good_at = table["good_at"] = good_at.replace(tzinfo=UTC)
        table["age_hours"] = (
            round((now - good_at).total_seconds() / 3600, 2) if good_at is not None else None
        )
    ages = [table["age_hours"] for table in tables if table["status"] not in NOT_TO_BE_READ]
    found = {
        "age_hours": max(ages) if ages and None not in ages else None,
        "tables": tables,
        "runs": [],
        "missing": [],
        "copied_at": copied_at,
    }
    if copied_at:
        return found
    _, rows = warehouse.query(
        f"""select run_id, min(started_at) as started_at, max(finished_at) as finished_at,
              sum(requests), sum(rows_new), sum(rows_changed), sum(rows_deleted),
              sum(case when status <> 'ok' then 1 else 0 end)
            from {DATASET}.sync_runs group by run_id order by min(started_at) desc
            limit {RUNS_SHOWN}"""
    )
    run_names = (
        "run_id",
        "started_at",
        "finished_at",
        "requests",
        "new",
        "changed",
        "deleted",
        "tables_not_read",
    )
    runs = [dict(zip(run_names, (*row[:3], *map(int, row[3:])), strict=True)) for row in rows]
    if isinstance(warehouse, Destination):
        found["missing"] = told(missing_parts(warehouse.pipeline))
    return found | {"runs": runs}


def shown_companies(warehouse: Warehouse) -> list[str]:
    """The companies that summary and report are about: those configured, of those that are there.

    Returns:
        Their ids; empty means all.
    """
    configured = company_ids()
    if not configured:
        return []
    try:
        _, rows = warehouse.query(f"select company_id from {MARTS}.dim_companies")
    except NothingThere:
        return []
    there = {company_id for (company_id,) in rows}
    return [company_id for company_id in configured if company_id in there]


def show_status(status: dict[str, Any], console: Console) -> None:
    """Print a status for people."""
    tables = Table(box=None, header_style="dim")
    for name in ("company", "table", "last run", "hours ago", "cursor"):
        tables.add_column(name, no_wrap=True)
    for table in status["tables"]:
        ok = table["status"] == "ok"
        tables.add_row(
            table["company_id"],
            table["table"],
            table["status"] if ok else f"[red]{table['status']}[/]",
            "never" if table["age_hours"] is None else f"{table['age_hours']:.1f}",
            (table["cursor"] or "-")[:19],
        )
    console.print(tables)
    for error in dict.fromkeys(table["error"] for table in status["tables"] if table["error"]):
        console.print(f"[red]{escape(error)}[/]", soft_wrap=True)
    if status["copied_at"]:
        console.print(tell_copy(status["copied_at"]), soft_wrap=True)
        return
    for lacks in status["missing"]:
        console.print(f"[yellow]{escape(lacks)}[/]", soft_wrap=True)
    runs = Table(box=None, header_style="dim", title="Last runs", title_justify="left")
    for name in ("run", "began (UTC)", "requests", "new", "changed", "deleted", "not read"):
        runs.add_column(name, justify="left" if name in {"run", "began (UTC)"} else "right")
    for run in status["runs"]:
        runs.add_row(
            run["run_id"],
            f"{run['started_at']:%Y-%m-%d %H:%M:%S}",
            *(f"{run[name]:,}" for name in ("requests", "new", "changed", "deleted")),
            str(run["tables_not_read"]),
        )
    console.print()
    console.print(runs)
