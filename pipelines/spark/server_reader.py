"""Reads the marts of a Spark server, with DuckDB: what a question names is fetched first, whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import takewhile
from typing import Any

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp

from ..errors import NothingThere, PipelineError
from ..names import DATASET, MARTS, PERSONAL
from ..reading import Answer, Reader, duckdb_reader
from .server import Session, connected
from .settings import SparkServer

_TYPES: Mapping[str, Any] = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
"""Types of marts, as Spark calls them; decimals beside them, which say their digits."""


@contextmanager
def open_server(server: SparkServer, seconds: float) -> Iterator[Reader]:
    """Open the marts of a server to read.

    A build replaces one mart after the other: who asks meanwhile may have some of before and some
    of after.

    Args:
        server: where it is.
        seconds: the most that a query may take, once the marts it names are here.

    Raises:
        SettingError: what it takes is not installed, or the server refuses who asks.
        PipelineError: the server does not answer.
    """
    with connected(server) as session, closing(duckdb.connect()) as connection:
        for schema in (MARTS, PERSONAL):
            connection.execute(f"create schema {schema}")
        reader = duckdb_reader(connection, f"Spark at {server.address}", None, seconds)
        here: set[tuple[str, str]] = set()

        def ask(sql: str, values: tuple[Any, ...], limit: int | None) -> Answer:
            for schema, table in _tables_of(sql):
                if schema == DATASET:
                    raise PipelineError(
                        f"The raw rows are on Spark at {server.address}: ask them there"
                    )
                if schema in (MARTS, PERSONAL) and (schema, table) not in here:
                    fetch(session, schema, table, connection)
                    here.add((schema, table))
            return reader.ask(sql, values, limit)

        yield replace(reader, ask=ask)


def fetch(session: Session, schema: str, table: str, connection: Any) -> None:
    """Copy a mart into a connection of DuckDB's, value by value as it is.

    Raises:
        NothingThere: there is no such mart.
    """
    try:
        described = session.query(f"describe table {schema}.{table}")
        rows = session.query(f"select * from {schema}.{table}")
    except NothingThere as error:
        raise NothingThere(
            f"There is no {schema}.{table} on Spark yet: `whop-elt transform --engine spark` "
            "builds it"
        ) from error
    # What a table is divided by is told below its columns, with a headline.
    columns_of = list(takewhile(lambda row: row[0] and not row[0].startswith("#"), described))
    names = [name for name, *_ in columns_of]
    types = [_type_of(kind) for _, kind, *_ in columns_of]
    columns = [
        pa.array([_value_of(kind)(row[place]) for row in rows], kind)
        for place, kind in enumerate(types)
    ]
    connection.register("fetched", pa.table(columns, names=names))
    connection.execute(f'create table {schema}."{table}" as select * from fetched')
    connection.unregister("fetched")


def _tables_of(sql: str) -> set[tuple[str, str]]:
    """Schema and name of each table that a query of ours reads."""
    parsed = sqlglot.parse_one(sql.replace("%s", "?"), read="duckdb")
    return {(found.db, found.name) for found in parsed.find_all(exp.Table)}


def _type_of(kind: str) -> Any:
    if kind.startswith("decimal("):
        digits, places = kind.removeprefix("decimal(").rstrip(")").split(",")
        return pa.decimal128(int(digits), int(places))
    return _TYPES[kind]


def _value_of(kind: Any) -> Callable[[Any], Any]:
    """What makes a value of a type of what PyHive gives: days are texts there, moments without a
    zone."""
    if pa.types.is_date(kind):
        return lambda value: value and date.fromisoformat(value)
    if pa.types.is_timestamp(kind):
        return lambda value: value and _in_utc(value)
    return lambda value: value


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)
