"""`dbt build` over a large business."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import duckdb

from whop_elt.destination import DATASET, INTERMEDIATE, Destination, open_destination
from whop_elt.spark.build import transform_on_spark
from whop_elt.spark.home import Home
from whop_elt.transform import transform

from .database import count, grow
from .machine import Stopwatch, tree_cpu_seconds, watched_files, watched_memory
from .ours import use_copy_of_duckdb, use_copy_of_postgres
from .postgres import server_pid
from .registry import Figures, group, measures, prepares
from .setting import Setting

MULTIPLIED = (
    *("members", "memberships", "membership_states", "payments", "payment_methods"),
    *("refunds", "disputes", "dispute_alerts", "financial_activity"),
)

OF_VERSION_1 = (
    *("churn_monthly", "cohort_retention_monthly", "data_freshness", "dim_companies"),
    *("dim_members", "dim_plans", "dim_products", "dim_promo_codes", "fct_payments"),
    *("fct_subscription_periods", "fct_subscriptions", "membership_history", "metrics_monthly"),
    *("mrr_daily", "mrr_daily_by_plan", "mrr_monthly", "mrr_movements", "revenue_daily"),
    *("revenue_recognition_monthly", "time_spine_daily"),
)
"""The marts there were before what is told of the past, the future and the bank."""

SEGMENTS = ("mrr_daily_by_segment", "mrr_monthly_by_segment", "metrics_monthly_by_segment")

group(
    "dbt",
    "dbt build: every model and every test",
    """The raw tables are what the real pipeline stored of the simulated business, multiplied in
    SQL: the same lives again, of persons with other ids. Without the ledger is what a key gives
    that may not read it, and what version 1 had: the bank's models have nothing to do. The
    marts of version 1 are those that there were before what is told of the past, the future and
    the bank, here with segments and their tests: what their new rules cost. Memory is that of
    dbt, in whose process DuckDB runs, and beside it that of the Postgres server, all its
    processes together; Spark's is that of Java too. Spilled is what did not fit into memory: the
    most that lay on disk at once, of Postgres all that was ever written there, of Spark with all
    that it hands from one step to the next. A later build is one before which 1 % of the payments
    came or, of the last sixty days, were refunded; it is compared with one of everything, beside
    the same tables, in the same process: on the processors, the Postgres server's among them.""",
    [
        *("members", "payments", "models and tests", "seconds", "CPU, s"),
        *("all CPU, s", "of a whole build", "peak MB", "server peak MB", "spilled MB"),
    ],
)


@prepares("business_duckdb", "the business for dbt, DuckDB", needs=["warehouse_duckdb"])
def business_duckdb(setting: Setting) -> Figures:
    """Multiply the loaded business until it has the members that are asked for."""
    return _grow(setting, use_copy_of_duckdb(setting, "warehouse_duckdb", "business_duckdb"))


@prepares(
    "business_postgres",
    "the business for dbt, Postgres",
    needs=["warehouse_postgres"],
    postgres=True,
)
def business_postgres(setting: Setting) -> Figures:
    """Multiply the loaded business until it has the members that are asked for."""
    return _grow(setting, use_copy_of_postgres(setting, "warehouse_postgres", "business_postgres"))


@measures("dbt.duckdb", "DuckDB", needs=["warehouse_duckdb", "business_duckdb"])
def dbt_duckdb(setting: Setting) -> Figures:
    """`whop-elt transform` on DuckDB: dbt's start, all models, all tests."""
    name = use_copy_of_duckdb(setting, "business_duckdb", "dbt.duckdb")
    with watched_files(setting.folder("dbt.duckdb"), "whop.duckdb.tmp/*") as spilled:
        figures = _build(name)
    return {**figures, "spilled MB": spilled.mb}


@measures(
    "dbt.duckdb_later", "DuckDB, a later build", needs=["warehouse_duckdb", "business_duckdb"]
)
def dbt_duckdb_later(setting: Setting) -> Figures:
    """`whop-elt transform` on DuckDB, after 1 % of the payments changed."""
    return _later(use_copy_of_duckdb(setting, "business_duckdb", "dbt.duckdb_later"))


@measures(
    "dbt.postgres_later",
    "Postgres, a later build",
    needs=["warehouse_postgres", "business_postgres"],
    postgres=True,
)
def dbt_postgres_later(setting: Setting) -> Figures:
    """`whop-elt transform` on Postgres, after 1 % of the payments changed."""
    assert setting.postgres_url is not None
    name = use_copy_of_postgres(setting, "business_postgres", "dbt.postgres_later")
    return _later(name, server_pid(setting.postgres_url))


@measures(
    "dbt.duckdb_no_ledger",
    "DuckDB, without the ledger",
    needs=["warehouse_duckdb", "business_duckdb"],
)
def dbt_duckdb_no_ledger(setting: Setting) -> Figures:
    """The same where there is no ledger."""
    name = use_copy_of_duckdb(setting, "business_duckdb", "dbt.duckdb_no_ledger")
    return _build(_without_ledger(name))


@measures(
    "dbt.postgres", "Postgres", needs=["warehouse_postgres", "business_postgres"], postgres=True
)
def dbt_postgres(setting: Setting) -> Figures:
    """`whop-elt transform` on Postgres."""
    name = use_copy_of_postgres(setting, "business_postgres", "dbt.postgres")
    assert setting.postgres_url is not None
    with watched_memory(server_pid(setting.postgres_url)) as server:
        figures = _build(name)
    ((spilled,),) = open_destination(name).query(
        "select temp_bytes from pg_stat_database where datname = current_database()"
    )[1]
    return {**figures, "server peak MB": server.mb, "spilled MB": spilled / 1024**2}


@measures(
    "dbt.postgres_no_ledger",
    "Postgres, without the ledger",
    needs=["warehouse_postgres", "business_postgres"],
    postgres=True,
)
def dbt_postgres_no_ledger(setting: Setting) -> Figures:
    """The same where there is no ledger."""
    name = use_copy_of_postgres(setting, "business_postgres", "dbt.postgres_no_ledger")
    return _build(_without_ledger(name))


@measures(
    "dbt.duckdb_version_1",
    "DuckDB, the marts of version 1 and segments",
    needs=["warehouse_duckdb", "business_duckdb"],
)
def dbt_duckdb_version_1(setting: Setting) -> Figures:
    """What version 1 built, and the marts by segment, without the ledger."""
    name = use_copy_of_duckdb(setting, "business_duckdb", "dbt.duckdb_version_1")
    return _build(_without_ledger(name), OF_VERSION_1 + SEGMENTS)


@measures(
    "dbt.postgres_version_1",
    "Postgres, the marts of version 1 and segments",
    needs=["warehouse_postgres", "business_postgres"],
    postgres=True,
)
def dbt_postgres_version_1(setting: Setting) -> Figures:
    """The same on Postgres."""
    name = use_copy_of_postgres(setting, "business_postgres", "dbt.postgres_version_1")
    return _build(_without_ledger(name), OF_VERSION_1 + SEGMENTS)


if find_spec("pyspark"):  # an environment of its own, .venv-spark

    @measures("dbt.spark", "Spark", needs=["warehouse_duckdb", "business_duckdb"], by_default=False)
    def dbt_spark(setting: Setting) -> Figures:
        """`whop-elt transform --engine spark`, on the same raw tables in Parquet."""
        destination = open_destination(use_copy_of_duckdb(setting, "business_duckdb", "dbt.spark"))
        home = Home(setting.folder("dbt.spark"))
        _export(Path(destination.location), home)
        figures: Figures = dict(count(destination, ["members", "payments"]))
        watch = Stopwatch()
        with (
            watched_memory(os.getpid()) as memory,
            watched_files(home.folder, "builds/*/.spark/**/*") as spilled,
        ):
            done = transform_on_spark(home)
        took = watch.read()
        return {
            **figures,
            "models and tests": done,
            "seconds": took.wall,
            "CPU, s": tree_cpu_seconds(os.getpid()),
            "peak MB": memory.mb,
            "spilled MB": spilled.mb,
        }


def _export(file: Path, home: Home) -> None:
    """Write the raw tables of a DuckDB file as the files that Spark reads."""
    with duckdb.connect(str(file), read_only=True) as connection:
        tables = connection.execute(
            "select table_name from duckdb_tables() where schema_name = ? "
            "and not starts_with(table_name, '_')",
            [DATASET],
        ).fetchall()
        for (table,) in tables:
            (home.raw / table).mkdir(parents=True)
            connection.execute(
                f"copy {DATASET}.{table} to '{home.raw / table / '1.parquet'}' (format parquet)"
            )


def _later(destination_name: str, server: int | None = None) -> Figures:
    """Build everything twice, change 1 % of the payments, build what changed."""

    def build() -> tuple[Figures, float]:
        before = tree_cpu_seconds(server, ended=True) if server else 0
        figures = _build(destination_name)
        of_server = tree_cpu_seconds(server, ended=True) - before if server else 0
        return figures, float(figures["CPU, s"] or 0) + of_server

    # The first build fills new tables, the second all of those, as if it knew of no first.
    destination = open_destination(destination_name)
    _build(destination_name)
    with destination.pipeline.sql_client() as client:
        client.execute_sql(f"delete from {INTERMEDIATE}.int_built_companies")
    _, whole = build()
    _change(destination)
    figures, later = build()
    return {**figures, "all CPU, s": later, "of a whole build": later / whole}


def _change(destination: Destination) -> None:
    """A day later 1 % of the payments came or were refunded, and what is theirs came, too."""
    payments, lines = f"{DATASET}.payments", f"{DATASET}.financial_activity"
    half = count(destination, ["payments"])["payments"] // 200
    ((read,),) = destination.query(f"select max(_whop_synced_at) from {payments}")[1]
    later = f"timestamptz '{read.isoformat()}' + interval '1 day'"
    own = "id = id || '-later', _dlt_id = _dlt_id || '-later'"
    with destination.pipeline.sql_client() as client:
        for statement in (
            # Of each of so many memberships the newest payment comes again, as a renewal does.
            f"create temporary table renewed as select id from (select id, row_number() over "
            f"(partition by membership__id order by paid_at desc) as place from {payments} "
            f"where status = 'paid' and membership__id is not null) as paid "
            f"where place = 1 order by md5(id) limit {half}",
            f"create temporary table new_payments as select * from {payments} "
            "where id in (select id from renewed)",
            f"update new_payments set {own}, created_at = {later} - interval '1 hour', "
            f"paid_at = {later} - interval '1 hour', _whop_synced_at = {later}",
            f"create temporary table new_lines as select * from {lines} "
            "where payment__id in (select id from renewed)",
            f"update new_lines set {own}, payment__id = payment__id || '-later', "
            f"posted_at = {later}, available_at = {later}, _whop_synced_at = {later}",
            f"update {payments} set refunded_amount = total, refunded_at = {later} - "
            f"interval '1 hour', _whop_synced_at = {later} where id in (select id from "
            f"{payments} where status = 'paid' and paid_at > {later} - interval '60 days' "
            f"order by md5(id || 'refunded') limit {half})",
            f"insert into {payments} select * from new_payments",
            f"insert into {lines} select * from new_lines",
        ):
            client.execute_sql(statement)


def _without_ledger(destination_name: str) -> str:
    with open_destination(destination_name).pipeline.sql_client() as client:
        client.execute_sql(f"delete from {DATASET}.financial_activity")
    return destination_name


def _grow(setting: Setting, destination_name: str) -> Figures:
    destination = open_destination(destination_name)
    copies = -(-setting.sizes.dbt_members // count(destination, ["members"])["members"])
    if copies > 1:
        for table in MULTIPLIED:
            grow(destination, table, copies=copies)
    return {}


def _build(destination_name: str, marts: Sequence[str] = ()) -> Figures:
    """Build these marts, what they are made of and the tests that need nothing else; or all."""
    destination: Destination = open_destination(destination_name)
    figures: Figures = dict(count(destination, ["members", "payments"]))
    watch = Stopwatch()
    if marts:
        os.environ["DBT_INDIRECT_SELECTION"] = "buildable"
    done = transform(destination, select=" ".join(f"+{mart}" for mart in marts) or None)
    took = watch.read()
    return {**figures, "models and tests": done, "seconds": took.wall, "CPU, s": took.cpu}
