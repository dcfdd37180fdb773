"""A server of Spark's: how one is asked, and what is said when it does not answer."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import yaml

from ..causes import first_line
from ..errors import NothingThere, PipelineError, SettingError
from ..names import MODELS, PROJECT
from .session import check_packages, mend_dbt_spark
from .settings import SparkServer

Rows = list[tuple[Any, ...]]

EXTRA = "spark-server"

_MISSING = re.compile(r"TABLE_OR_VIEW_NOT_FOUND|SCHEMA_NOT_FOUND|NoSuchDatabaseException")


class Session:
    """A connection to a server, set as dbt's are.

    Args:
        handle: dbt-spark's.
        server: where it is.
    """

    def __init__(self, handle: Any, server: SparkServer) -> None:
        self._handle = handle
        self._server = server

    def query(self, sql: str) -> Rows:
        """Run a statement; return its rows, of one that has none an empty list.

        Raises:
            NothingThere: a table or schema of it does not exist.
            PipelineError: the server refuses, or is gone.
        """
        cursor = self._handle.cursor()
        try:
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []
        except Exception as error:
            says = _told(error)
            kind = NothingThere if _MISSING.search(says) else PipelineError
            raise kind(f"Spark at {self._server.address} refuses: {says}") from error


def _told(error: Exception) -> str:
    """What the server says, without the Java around it."""
    lines = [line.strip() for line in str(error).splitlines()]
    says = next((line for line in lines if line not in ("", "Database Error")), "no reason")
    return says.partition("Error running query: ")[2] or says


@contextmanager
def connected(server: SparkServer) -> Iterator[Session]:
    """Ask a server, as dbt asks it.

    Raises:
        SettingError: dbt-spark or PyHive is not installed, or the server refuses who asks.
        PipelineError: the server does not answer.
    """
    check_packages(EXTRA)
    mend_dbt_spark()
    from dbt.adapters.contracts.connection import Connection
    from dbt.adapters.spark.connections import SparkConnectionManager, SparkCredentials
    from thrift.transport.TTransport import TTransportException

    # It says of its own accord what is said below.
    logging.getLogger("thrift").setLevel(logging.CRITICAL)
    profile = yaml.safe_load((PROJECT / "profiles.yml").read_text("utf-8"))
    theirs = profile["whop_elt"]["outputs"]["spark"]
    credentials = SparkCredentials(
        schema=MODELS,
        method=server.method,
        host=server.host,
        port=server.port,
        user=server.user,
        auth=theirs["auth"],
        password=server.password or "x",
        cluster=server.cluster,
        token=server.token,
        server_side_parameters=theirs["server_side_parameters"],
    )
    new: Any = Connection  # which types its kind more narrowly than what it gets from dbt
    connection = new(type="spark", name="whop-elt", credentials=credentials)
    try:
        opened = SparkConnectionManager.open(connection)
    except Exception as error:
        cause = error.__cause__ or error
        gone = isinstance(cause, OSError) or (
            isinstance(cause, TTransportException) and cause.type == TTransportException.NOT_OPEN
        )
        says = first_line(cause) or "it hangs up"
        if gone and "Bad status" not in says:
            raise PipelineError(
                f"Spark at {server.address} does not answer: {says}. It is the server of "
                "WHOP_ELT_SPARK_HOST and WHOP_ELT_SPARK_PORT"
            ) from error
        raise SettingError(
            f"Spark at {server.address} refuses: {says}. Set {_WHO[server.method]}"
        ) from error
    try:
        yield Session(opened.handle, server)
    finally:
        # Of a server that is gone, what was asked has said so.
        with suppress(Exception):
            opened.handle.close()


_WHO = {
    "thrift": "WHOP_ELT_SPARK_USER and WHOP_ELT_SPARK_PASSWORD",
    "http": "WHOP_ELT_SPARK_TOKEN and WHOP_ELT_SPARK_CLUSTER",
}
"""Settings that say who asks."""


def spelled(value: Any) -> str:
    """A value as Spark's SQL writes it, null too; a moment is one of UTC."""
    if value is None:
        return "null"
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"
