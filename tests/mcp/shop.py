"""A small business in a warehouse: synced from the simulator, built by dbt, copied for readers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from warehouse import Engine, Warehouse

from whop_elt.destination import MARTS, open_destination
from whop_elt.errors import ExitCode
from whop_elt.marts_copy import write_copy
from whop_elt.run import sync
from whop_simulator import Business, Server
from whop_source import RunReport

Row = dict[str, Any]


@dataclass(frozen=True)
class Shop:
    """The warehouse, and what leads to it."""

    warehouse: Warehouse
    server: Server
    folder: Path

    @property
    def business(self) -> Business:
        """The business as Whop has it."""
        business = self.server.businesses[0]
        assert isinstance(business, Business)
        return business

    @property
    def settings(self) -> dict[str, str]:
        """The environment of whoever reads it, or acts at Whop."""
        return {
            f"DESTINATION__{self.warehouse.engine.upper()}__CREDENTIALS": self.warehouse.location,
            "SOURCES__WHOP__API_KEY": self.server.api_key,
            "SOURCES__WHOP__BASE_URL": self.server.base_url,
            "SOURCES__WHOP__COMPANY_ID": self.business.company_id,
        }

    @contextmanager
    def open(self) -> Iterator[None]:
        """Be in its folder, with its settings."""
        with patch.dict(os.environ, self.settings), chdir(self.folder):
            yield

    def rows(self, sql: str) -> list[Row]:
        """What a query of the tests' own gives; it shares no code with the server."""
        return self.warehouse.query(sql)

    def mart(self, name: str) -> list[Row]:
        """A mart, whole."""
        return self.warehouse.read(name, schema=MARTS)


def stock(engine: Engine, location: str, server: Server, folder: Path) -> Shop:
    """Load the server's business, build the models, and leave the copy for readers."""
    shop = Shop(Warehouse(engine, location, work=folder / "dbt"), server, folder)
    with shop.open():
        code = sync(
            open_destination(engine),
            RunReport(),
            api_key=server.api_key,
            base_url=server.base_url,
            company_id=shop.business.company_id,
            backoff_seconds=0.01,
            max_attempts=3,
        )
        assert code == ExitCode.OK
        shop.warehouse.dbt("run")
        write_copy(open_destination(engine))
    shutil.rmtree(folder / ".whop-elt", ignore_errors=True)
    return shop
