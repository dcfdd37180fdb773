"""Runs after the first: nothing changed, little changed, and a change merged into large tables."""

from __future__ import annotations

from whop_elt.destination import open_destination

from .database import days_until, grow
from .ours import no_limit, run_sync, stored, use_copy_of_duckdb, use_copy_of_postgres
from .registry import Figures, group, measures, prepares
from .setting import Setting

CHANGED_SHARE = 0.01

group(
    "later",
    "Later runs of all tables",
    """On a copy of a warehouse that holds the whole business, without latency and limit: what the
    machine does. Each request Whop would have to answer adds its latency, less what is asked side
    by side.""",
    [
        *("payments", "of them changed", "changed in all tables"),
        *("seconds", "CPU, s", "requests", "peak MB"),
    ],
)
group(
    "merge",
    "The same change, merged into a small and into a large table",
    """A run of payments alone that brings the same new and changed rows into a table of two sizes.
    The table is what a first load stored, multiplied in SQL with other ids. Ratio: what the large
    table costs of what the small one does; 1 is "by the change, not by the table".""",
    ["payments", "new or changed", "seconds", "CPU, s", "peak MB"],
    compared="seconds",
    baselines=["merge.duckdb_large", "merge.postgres_large"],
    ratio="large ÷ this",
)


# All tables


@measures("later.nothing", "nothing changed, DuckDB", needs=["warehouse_duckdb"])
def nothing_changed(setting: Setting) -> Figures:
    """A second `whop-elt sync` at the same moment of the simulated business."""
    return _later(setting, use_copy_of_duckdb(setting, "warehouse_duckdb", "later.nothing"))


@prepares(
    "one_percent_later",
    "days until 1 % of payments changed",
    needs=["warehouse_duckdb"],
    moves_clock=True,
)
def one_percent_later(setting: Setting) -> Figures:
    """Move the simulator's clock on until about 1 % of the payments are new or changed."""
    rows = CHANGED_SHARE * setting.simulator.facts()["payments"]
    return _let_change(setting, "one_percent_later", rows)


@measures("later.changed", "1 % changed, DuckDB", needs=["warehouse_duckdb", "one_percent_later"])
def one_percent_changed(setting: Setting) -> Figures:
    """`whop-elt sync` after as many days as it takes for about 1 % of payments to change."""
    return _later(setting, use_copy_of_duckdb(setting, "warehouse_duckdb", "later.changed"))


@measures(
    "later.changed_postgres",
    "1 % changed, Postgres",
    needs=["warehouse_duckdb", "warehouse_postgres", "one_percent_later"],
    postgres=True,
)
def one_percent_changed_postgres(setting: Setting) -> Figures:
    """The same on Postgres."""
    name = use_copy_of_postgres(setting, "warehouse_postgres", "later.changed_postgres")
    return _later(setting, name)


def _later(setting: Setting, destination_name: str) -> Figures:
    setting.simulator.pace(latency=0, limited=False)
    with no_limit():
        report, destination, took = run_sync(setting, destination_name)
    changed = {
        table.table: table.rows_new + table.rows_changed + table.rows_deleted
        for table in report.tables
    }
    return {
        "payments": stored(destination, "payments"),
        "of them changed": changed["payments"],
        "changed in all tables": sum(changed.values()),
        "seconds": took.wall,
        "CPU, s": took.cpu,
        "requests": setting.simulator.asked("*")[0],
    }


# Payments alone, into tables of two sizes


@prepares("small_duckdb", "the small table, DuckDB", needs=["warehouse_duckdb"])
def small_duckdb(setting: Setting) -> Figures:
    """Multiply the stored payments in SQL, with other ids, to the small size."""
    name = use_copy_of_duckdb(setting, "warehouse_duckdb", "small_duckdb")
    return _grow_to(setting.sizes.merge_small, name)


@prepares("large_duckdb", "the large table, DuckDB", needs=["warehouse_duckdb"])
def large_duckdb(setting: Setting) -> Figures:
    """Multiply the stored payments in SQL, with other ids, to the large size."""
    name = use_copy_of_duckdb(setting, "warehouse_duckdb", "large_duckdb")
    return _grow_to(setting.sizes.merge_large, name)


@prepares(
    "small_postgres", "the small table, Postgres", needs=["warehouse_postgres"], postgres=True
)
def small_postgres(setting: Setting) -> Figures:
    """Multiply the stored payments in SQL, with other ids, to the small size."""
    name = use_copy_of_postgres(setting, "warehouse_postgres", "small_postgres")
    return _grow_to(setting.sizes.merge_small, name)


@prepares(
    "large_postgres", "the large table, Postgres", needs=["warehouse_postgres"], postgres=True
)
def large_postgres(setting: Setting) -> Figures:
    """Multiply the stored payments in SQL, with other ids, to the large size."""
    name = use_copy_of_postgres(setting, "warehouse_postgres", "large_postgres")
    return _grow_to(setting.sizes.merge_large, name)


@prepares(
    "much_later",
    "days until the change is as large as asked",
    needs=["warehouse_duckdb"],
    moves_clock=True,
)
def much_later(setting: Setting) -> Figures:
    """Move the simulator's clock on until about as many payments as asked are new or changed."""
    return _let_change(setting, "much_later", setting.sizes.change)


@measures(
    "merge.duckdb_large",
    "large, DuckDB",
    needs=["warehouse_duckdb", "large_duckdb", "much_later"],
)
def merge_duckdb_large(setting: Setting) -> Figures:
    """`whop-elt sync --tables payments` with the change, on the large table."""
    return _merge(setting, use_copy_of_duckdb(setting, "large_duckdb", "merge.duckdb_large"))


@measures(
    "merge.duckdb_small",
    "small, DuckDB",
    needs=["warehouse_duckdb", "small_duckdb", "much_later"],
)
def merge_duckdb_small(setting: Setting) -> Figures:
    """`whop-elt sync --tables payments` with the change, on the small table."""
    return _merge(setting, use_copy_of_duckdb(setting, "small_duckdb", "merge.duckdb_small"))


@measures(
    "merge.postgres_large",
    "large, Postgres",
    needs=["warehouse_duckdb", "warehouse_postgres", "large_postgres", "much_later"],
    postgres=True,
)
def merge_postgres_large(setting: Setting) -> Figures:
    """The same on Postgres."""
    name = use_copy_of_postgres(setting, "large_postgres", "merge.postgres_large")
    return _merge(setting, name)


@measures(
    "merge.postgres_small",
    "small, Postgres",
    needs=["warehouse_duckdb", "warehouse_postgres", "small_postgres", "much_later"],
    postgres=True,
)
def merge_postgres_small(setting: Setting) -> Figures:
    """The same on Postgres."""
    name = use_copy_of_postgres(setting, "small_postgres", "merge.postgres_small")
    return _merge(setting, name)


def _merge(setting: Setting, destination_name: str) -> Figures:
    setting.simulator.pace(latency=0, limited=False)
    before = stored(open_destination(destination_name), "payments")
    with no_limit():
        report, _, took = run_sync(setting, destination_name, ["payments"])
    (table,) = report.tables
    return {
        "payments": before,
        "new or changed": table.rows_new + table.rows_changed,
        "seconds": took.wall,
        "CPU, s": took.cpu,
    }


def _let_change(setting: Setting, name: str, rows: float) -> Figures:
    """Move the clock on, as far as the last month in the warehouse says."""
    warehouse = open_destination(use_copy_of_duckdb(setting, "warehouse_duckdb", name))
    setting.simulator.advance(days_until(warehouse, rows))
    return {}


def _grow_to(rows: int, destination_name: str) -> Figures:
    warehouse = open_destination(destination_name)
    grow(warehouse, "payments", rows=rows)
    return {}
