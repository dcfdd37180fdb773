"""Two companies on both warehouses, and a Superset for each, with the dashboards imported."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from bi_warehouses import READER, Warehouse, whop_elt
from local_postgres import PostgresServer
from playwright.sync_api import Browser, sync_playwright
from superset_server import Superset

from whop_simulator import Business, serve


@pytest.fixture(scope="session")
def warehouses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Warehouse]]:
    server = PostgresServer()
    server.new_database("whop")
    url = server.url_of("whop")
    reader = url.replace("postgres:loopback@", f"{READER}:reads@")
    businesses = [Business(7 + number, 120, 1.2) for number in range(2)]
    companies = [business.company_id for business in businesses]
    files = tmp_path_factory.mktemp("duckdb"), tmp_path_factory.mktemp("postgres")
    try:
        with serve(*businesses) as api:
            settings = {
                "SOURCES__WHOP__BASE_URL": api.base_url,
                "SOURCES__WHOP__API_KEY": api.api_key,
                "SOURCES__WHOP__COMPANY_IDS": str(companies).replace("'", '"'),
                "DESTINATION__POSTGRES__CREDENTIALS": url,
                "WHOP_ELT_READER_PASSWORD": "reads",
            }
            whop_elt(files[0], "run", "--quiet", **settings)
            whop_elt(files[1], "run", "--quiet", "-d", "postgres", **settings)
            grant = ("grant-reader", READER, "-d", "postgres", "--apply", "--password")
            whop_elt(files[1], *grant, **settings)
        copy = str(files[0] / "whop-marts.duckdb")
        yield {
            "duckdb": Warehouse("duckdb", copy, companies, ("--duckdb", copy), files[0]),
            "postgres": Warehouse("postgres", url, companies, ("--postgres", reader), files[1]),
        }
    finally:
        server.remove()


@pytest.fixture(scope="session")
def fresh_superset(tmp_path_factory: pytest.TempPathFactory) -> Superset:
    """Set up, as its documentation says, and empty."""
    superset = Superset(tmp_path_factory.mktemp("superset") / "fresh")
    superset.set_up()
    return superset


@pytest.fixture(scope="session", params=["duckdb", "postgres"])
def warehouse(request: pytest.FixtureRequest, warehouses: dict[str, Warehouse]) -> Warehouse:
    return warehouses[request.param]


@pytest.fixture(scope="session")
def superset(
    warehouse: Warehouse, fresh_superset: Superset, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Superset]:
    """Superset with the dashboards of a warehouse, imported by its own command, serving."""
    one = fresh_superset.copied(tmp_path_factory.mktemp("superset") / warehouse.engine)
    whop_elt(warehouse.folder, "bi", "superset", "--output", "bundle", *warehouse.option)
    one.command("import-directory", str(warehouse.folder / "bundle"), "--overwrite")
    one.start()
    yield one
    one.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome")
         if (found := shutil.which(name))), None
    )  # fmt: skip
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()
