"""Warehouses on both engines: empty ones, and copies of one that holds a first load.

A file that is marked `both_surfaces` is played on Whop's Current surface, too, and there on DuckDB:
what SQL does otherwise for it, test_surfaces.py tries on both engines.
"""

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
from bucket_line import BucketLine, folder_line, run_to_the_end
from loading import Engine, Line, Run, assert_clean
from s3_server import s3_endpoint
from warehouse import Warehouse

from whop_simulator import Business, Server, serve
from whop_source.surface import LEGACY, SURFACES, Surface

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


PLAYED: tuple[tuple[Engine, str], ...] = (
    ("duckdb", "legacy"),
    ("postgres", "legacy"),
    ("duckdb", "current"),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play each test on the engines, and on the surfaces where its file or itself says so."""
    given = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "engine" not in metafunc.fixturenames or "engine" in given:
        return
    find = metafunc.definition.get_closest_marker
    pairs = [pair for pair in PLAYED if pair[1] == "legacy" or find("both_surfaces")]
    if only := find("only_on"):
        pairs = [pair for pair in pairs if set(only.args) <= {*pair}]
    if not find("both_surfaces") or "surface" not in metafunc.fixturenames:
        engines = dict.fromkeys(engine for engine, _ in pairs)
        metafunc.parametrize("engine", engines, indirect=True, scope="session")
        return
    metafunc.parametrize(
        ("engine", "surface"),
        pairs,
        indirect=True,
        scope="session",
        ids=[engine if surface == "legacy" else f"{engine}-current" for engine, surface in pairs],
    )


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each warehouse the project is made for."""
    found: Engine = request.param
    return found


@pytest.fixture(scope="session")
def surface(request: pytest.FixtureRequest) -> Surface:
    """The surface of Whop's that is read: Legacy, unless the file is played on both."""
    name = getattr(request, "param", LEGACY.name)
    return next(each for each in SURFACES if each.name == name)


FirstLoads = Callable[[Engine, Surface], FirstLoad]


@pytest.fixture(scope="session")
def first_loads(
    new_location: NewWarehouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FirstLoads]:
    """The first load of an engine from a surface, made when it is first asked for.

    Kept here: pytest takes a fixture with parameters down whenever the parameter changes, and each
    file of tests would load both engines anew.
    """
    with serve(new_business()) as server:

        @cache
        def first(engine: Engine, surface: Surface) -> FirstLoad:
            folder = tmp_path_factory.mktemp("first")
            warehouse = Warehouse(engine, new_location(engine, None), work=folder)
            line = Line(warehouse, server, folder, surface)
            return FirstLoad(line, line.sync())

        yield first


@pytest.fixture(scope="session")
def first_load(engine: Engine, surface: Surface, first_loads: FirstLoads) -> FirstLoad:
    """All tables of the business, read into an empty warehouse."""
    return first_loads(engine, surface)


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
    warehouse = Warehouse(original.engine, location, work=tmp_path)
    return Line(warehouse, server, tmp_path, first_load.line.surface)


@pytest.fixture
def empty(
    engine: Engine, surface: Surface, server: Server, new_location: NewWarehouse, tmp_path: Path
) -> Line:
    """A warehouse nothing was ever loaded into."""
    warehouse = Warehouse(engine, new_location(engine, None), work=tmp_path)
    return Line(warehouse, server, tmp_path, surface)


@pytest.fixture(scope="session")
def builds(
    first_loads: FirstLoads,
    new_location: NewWarehouse,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[Engine], Line]:
    """The built warehouse of an engine, made when it is first asked for; see `first_loads`."""

    @cache
    def build(engine: Engine) -> Line:
        original = first_loads(engine, LEGACY).line
        location = new_location(engine, original.warehouse.location)
        folder = tmp_path_factory.mktemp("built")
        warehouse = Warehouse(engine, location, work=folder)
        assert_clean(warehouse.dbt("build").stdout)
        return Line(warehouse, original.server, folder)

    return build


@pytest.fixture(scope="session")
def built(engine: Engine, builds: Callable[[Engine], Line]) -> Line:
    """A copy of the first load with every model built, and every test of them run.

    Without a warning. Only to be read.
    """
    return builds(engine)


@pytest.fixture(scope="session")
def run_into_folder(tmp_path_factory: pytest.TempPathFactory) -> BucketLine:
    """A folder that `run` has filled, its marts with it, from the working folder `work` beside it.

    Only to be read: other tests start from copies.
    """
    with serve(new_business()) as server:
        line = folder_line(server, tmp_path_factory.mktemp("run"))
        read_from = run_to_the_end(line)
        assert read_from.location == str(line.folder.resolve() / "whop.duckdb")
        return line


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of a server that speaks S3, with no bucket in it."""
    with s3_endpoint() as address:
        yield address
