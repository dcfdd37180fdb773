"""Warehouses on both engines: empty ones, and copies of one that holds a first load."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from loading import Engine, Line, Run, assert_clean
from warehouse import Warehouse

from whop_simulator import Business, Server, serve

POSTGRES_SETTING = "WHOP_ELT_TEST_POSTGRES"

NewWarehouse = Callable[[Engine, str | None], str]


def new_business() -> Business:
    """Every call gives the same business, row for row."""
    return Business(members=80, years=1.5)


@dataclass(frozen=True)
class FirstLoad:
    """A first run into an empty warehouse; only to be read, other tests start from copies."""

    line: Line
    run: Run


@pytest.fixture(scope="session")
def new_location(
    postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NewWarehouse]:
    """Makes databases: an empty one, or a copy of the one at that location."""
    made: list[str] = []

    def administer(*statements: str) -> None:
        with closing(psycopg2.connect(postgres_server)) as admin:
            admin.autocommit = True
            with admin.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)

    def new(engine: Engine, copied: str | None) -> str:
        if engine == "duckdb":
            path = tmp_path_factory.mktemp("duckdb") / "whop.duckdb"
            if copied:
                shutil.copy(copied, path)
            return str(path)
        name = f"test_{uuid.uuid4().hex[:12]}"
        made.append(name)
        template = f" template {urlsplit(copied).path.strip('/')}" if copied else ""
        administer(f"create database {name}{template}")
        return urlunsplit(urlsplit(postgres_server)._replace(path=f"/{name}"))

    yield new
    if os.environ.get(POSTGRES_SETTING):  # a server of the tests' own goes as a whole
        administer(*(f"drop database {name} with (force)" for name in made))


@pytest.fixture(scope="session", params=["duckdb", "postgres"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each warehouse the project is made for."""
    found: Engine = request.param
    return found


@pytest.fixture(scope="session")
def first_loads(
    new_location: NewWarehouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Engine], FirstLoad]]:
    """The first load of an engine, made when it is first asked for.

    Kept here: pytest takes a fixture with parameters down whenever the parameter changes, and each
    file of tests would load both engines anew.
    """
    with serve(new_business()) as server:

        @cache
        def first(engine: Engine) -> FirstLoad:
            folder = tmp_path_factory.mktemp("first")
            line = Line(Warehouse(engine, new_location(engine, None), work=folder), server, folder)
            return FirstLoad(line, line.sync())

        yield first


@pytest.fixture(scope="session")
def first_load(engine: Engine, first_loads: Callable[[Engine], FirstLoad]) -> FirstLoad:
    """All tables of the business, read into an empty warehouse."""
    return first_loads(engine)


@pytest.fixture
def server() -> Iterator[Server]:
    """The business that was first loaded, at that time, free to change."""
    with serve(new_business()) as running:
        yield running


@pytest.fixture
def loaded(
    first_load: FirstLoad, server: Server, new_location: NewWarehouse, tmp_path: Path
) -> Line:
    """A copy of the warehouse with the first load."""
    original = first_load.line.warehouse
    location = new_location(original.engine, original.location)
    return Line(Warehouse(original.engine, location, work=tmp_path), server, tmp_path)


@pytest.fixture
def empty(engine: Engine, server: Server, new_location: NewWarehouse, tmp_path: Path) -> Line:
    """A warehouse nothing was ever loaded into."""
    return Line(Warehouse(engine, new_location(engine, None), work=tmp_path), server, tmp_path)


@pytest.fixture(scope="session")
def builds(
    first_loads: Callable[[Engine], FirstLoad],
    new_location: NewWarehouse,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[Engine], Line]:
    """The built warehouse of an engine, made when it is first asked for; see `first_loads`."""

    @cache
    def build(engine: Engine) -> Line:
        original = first_loads(engine).line
        location = new_location(engine, original.warehouse.location)
        folder = tmp_path_factory.mktemp("built")
        warehouse = Warehouse(engine, location, work=folder)
        assert_clean(warehouse.dbt("build").stdout)
        assert_clean(warehouse.dbt("docs generate").stdout)
        return Line(warehouse, original.server, folder)

    return build


@pytest.fixture(scope="session")
def built(engine: Engine, builds: Callable[[Engine], Line]) -> Line:
    """A copy of the first load with every model built, and every test of them run.

    Without a warning. Only to be read.
    """
    return builds(engine)
