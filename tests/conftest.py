"""Fixtures every test shares: a real Postgres server, and a database of one's own on each."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
import typing_extensions
from dbt_parsed_once import ParsedOnce
from local_postgres import PostgresServer

POSTGRES_SETTING = "WHOP_ELT_TEST_POSTGRES"
"""Environment variable with the URL of a server to test on; without it, one is started."""


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a Postgres server on which databases may be created and dropped."""
    given = os.environ.get(POSTGRES_SETTING)
    if given:
        yield given
        return
    server = PostgresServer()
    try:
        yield server.url
    finally:
        server.remove()


@pytest.fixture(scope="session", autouse=True)
def parsed_once() -> Iterator[None]:
    """Builds of this process find the project parsed; those of commands parse it."""
    with patch("dbt.cli.main.dbtRunner", ParsedOnce):
        yield


@pytest.fixture(scope="session", autouse=True)
def types_read_once() -> Iterator[None]:
    """dlt looks the same types up for every table of every load: a tenth of a small sync.

    "get_type_hints is very slow and we possibly should cache the result", it says itself there.
    """

    @cache
    def hints(of: type) -> dict[str, Any]:
        return typing_extensions.get_type_hints(of, globalns=vars(sys.modules[of.__module__]))

    with patch("dlt.common.validation.get_type_hints", lambda of, **_: hints(of)):
        yield


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty Postgres database, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    admin = psycopg2.connect(postgres_server)
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"create database {name}")
    parts = urlsplit(postgres_server)
    yield urlunsplit(parts._replace(path=f"/{name}"))
    with admin.cursor() as cursor:
        cursor.execute(f"drop database {name} with (force)")
    admin.close()


@pytest.fixture
def duckdb_path(tmp_path: Path) -> Path:
    """Path of a DuckDB file that does not exist yet."""
    return tmp_path / "whop.duckdb"
