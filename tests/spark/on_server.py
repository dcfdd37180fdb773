"""What a server is told of files, and what it has in its marts."""

from __future__ import annotations

from pathlib import Path

import duckdb

from spark.sameness import SCHEMAS
from whop_elt.spark.raw import raw_tables
from whop_elt.spark.server import connected
from whop_elt.spark.server_reader import fetch
from whop_elt.spark.settings import SparkServer


def know_files(server: SparkServer, folder: Path, schema: str) -> None:
    """Make tables of the files of a folder, as whoever runs the server does once."""
    with connected(server) as session:
        session.query(f"create schema if not exists {schema}")
        for table, columns in raw_tables():
            spelled = ", ".join(f"`{name}` {kind}" for name, kind in columns.items())
            place = (folder / "whop_raw" / table).as_uri()
            session.query(
                f"create table if not exists {schema}.{table} ({spelled}) "
                f"using parquet location '{place}'"
            )


def fetched(server: SparkServer) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection that has every mart of the server."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    with connected(server) as session:
        for schema in SCHEMAS:
            connection.execute(f"create schema {schema}")
            for _, mart, *_ in session.query(f"show tables in {schema}"):
                fetch(session, schema, mart, connection)
    return connection
