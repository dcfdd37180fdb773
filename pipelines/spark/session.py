"""Spark on this machine: what it needs, how it is set, and the raw tables in its catalog.

Whatever is not set here is as Spark has it, or as spark-defaults.conf in SPARK_CONF_DIR says.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import SettingError
from ..names import DATASET
from .raw import raw_tables

_STATIC = {
    # Databases and tables are those of this process alone: what is in a folder is made known anew.
    "spark.sql.catalogImplementation": "in-memory",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    # A moment in a file says that it is one, in UTC; by default Spark writes a form without.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}

_PACKAGES = {
    "spark": (("pyspark", "pyspark"), ("dbt.adapters.spark", "dbt-spark")),
    "spark-server": (
        ("dbt.adapters.spark", "dbt-spark"),
        ("pyhive.hive", "PyHive"),
        ("thrift_sasl", "thrift-sasl"),
        ("puresasl", "pure-sasl"),
    ),
}
"""Extra → modules that it brings, and the packages they are of."""

POLL_SECONDS = 0.2
"""Seconds between two looks whether a server has done a statement."""


def check_packages(extra: str) -> None:
    """Raise a SettingError when what an extra of ours brings is not there.

    Args:
        extra: `spark`, for Spark on this machine, or `spark-server`.
    """
    for module, package in _PACKAGES[extra]:
        if not _is_there(module):
            raise SettingError(f"{package} is not installed: pip install 'whop-elt[{extra}]'")


def check_installed() -> None:
    """Raise a SettingError, which says what to install, when Spark cannot be started here."""
    check_packages("spark")
    home = os.environ.get("JAVA_HOME")
    if home and not (Path(home) / "bin" / "java").exists():
        raise SettingError(f"JAVA_HOME is {home}, which has no bin/java: set it to a Java 17 or 21")
    if not home and not shutil.which("java"):
        raise SettingError(
            "Spark needs Java, and there is none: install Java 17 or 21 (apt-get install "
            "openjdk-17-jre-headless), or set JAVA_HOME"
        )


def mend_dbt_spark() -> None:
    """Let dbt's sessions compute in ANSI mode, and wait no longer for a server than it takes.

    dbt-spark turns the mode off with every statement, after it has read the profile, and then a sum
    that is too large is null. Whether it is on, `prepare_session` looks before each model. And of a
    server it asks in whole seconds whether a statement has ended; a build has some thousand.
    """
    from dbt.adapters.spark.connections import PyhiveConnectionWrapper, SparkCredentials

    theirs = SparkCredentials.__post_init__
    if hasattr(theirs, "theirs"):
        return

    def ours(self: Any) -> None:
        theirs(self)
        self.server_side_parameters["spark.sql.ansi.enabled"] = "true"

    opens = PyhiveConnectionWrapper.__init__

    def opened(self: Any, *given: Any, **named: Any) -> None:
        opens(self, *given, **named)
        self.poll_interval = POLL_SECONDS

    PyhiveConnectionWrapper.__init__ = opened
    ours.theirs = theirs  # type: ignore[attr-defined]
    SparkCredentials.__post_init__ = ours


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@contextmanager
def spark_session(
    raw: Path,
    given: Mapping[str, Path],
    build: Path,
    remembered: Mapping[tuple[str, str], Path],
    *,
    memory: str,
) -> Iterator[Any]:
    """A session that has the raw tables, and writes what is made in it into a folder.

    Args:
        raw: the folder with a folder of Parquet files for each raw table.
        given: the folders of raw tables that count in place of those, by name.
        build: the folder to write to.
        remembered: the folders of tables that are there already, by schema and name.
        memory: what Java may take, as Spark writes it: `2g`.

    Raises:
        SettingError: Spark is not installed, or there is no Java.
    """
    check_installed()
    mend_dbt_spark()
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[*]").appName("whop-elt")
    settings = {
        **_STATIC,
        "spark.driver.memory": memory,
        "spark.sql.warehouse.dir": str(build),
        "spark.local.dir": str(build / ".spark"),
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    try:
        session.sparkContext.setLogLevel("ERROR")
        session.sql(f"create database if not exists {DATASET}")
        for table, columns in raw_tables():
            # Spark knows a column that no file has, and reads it as null; a folder has to be there.
            folder = given.get(table, raw / table)
            if not folder.is_dir():
                folder = build / ".none" / table
                folder.mkdir(parents=True)
            spelled = ", ".join(f"`{name}` {kind}" for name, kind in columns.items())
            place = folder.as_uri()
            session.sql(
                f"create table {DATASET}.{table} ({spelled}) using parquet location '{place}'"
            )
        for (schema, table), folder in remembered.items():
            session.sql(f"create database if not exists {schema}")
            session.sql(f"create table {schema}.{table} using parquet location '{folder.as_uri()}'")
        yield session
    finally:
        session.stop()
        shutil.rmtree(build / ".spark", ignore_errors=True)
        shutil.rmtree(build / ".none", ignore_errors=True)
