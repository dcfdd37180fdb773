"""The whole line on a simulated business: real HTTP, real sync, real warehouse, no account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from whop_simulator import DEFAULT_CLOCK, Business, serve

from .destination import WORK_FOLDER, open_destination
from .errors import NothingThere, SettingError
from .lock import run_lock

MEMBERS = 1500
YEARS = 3
STEP = timedelta(days=7)
"""How much later it is in the simulated business each time the demo is run on one warehouse."""


@contextmanager
def simulated_account(destination_name: str) -> Iterator[tuple[dict[str, Any], datetime, bool]]:
    """Serve the demo's business, and yield the settings that point a sync at it.

    The first time it is the simulator's own day; on a warehouse the demo has filled before, it is a
    week after the last sync.

    Yields:
        Settings of the source; the simulated time, UTC; whether this is the first time.

    Raises:
        SettingError: the warehouse holds another company: the demo keeps its hands off it.
    """
    last = _last_demo(destination_name, Business.empty().company_id)
    clock = DEFAULT_CLOCK if last is None else last + STEP
    with serve(Business(members=MEMBERS, years=YEARS, clock=clock)) as server:
        settings = {
            "api_key": server.api_key,
            "base_url": server.base_url,
            "company_id": server.businesses[0].company_id,
            # A step of a week would make every second demo a full pass, and hide the usual run.
            "full_every_days": 30,
        }
        yield settings, clock, last is None


def _last_demo(destination_name: str, demo_company: str) -> datetime | None:
    """Simulated time of the last demo on this warehouse, UTC."""
    with run_lock(WORK_FOLDER / "lock"):
        destination = open_destination(destination_name)
        raw = destination.pipeline.dataset_name
        try:
            _, rows = destination.query(
                f"select company_id, max(_whop_synced_at) from {raw}.companies group by company_id"
            )
        except NothingThere:
            return None
    others = [company_id for company_id, _ in rows if company_id != demo_company]
    if others:
        raise SettingError(
            f"{destination.location} holds {', '.join(others)}: run the demo in an empty folder, "
            f"or point DESTINATION__{destination_name.upper()}__CREDENTIALS at another database"
        )
    moment: datetime | None = max((at for _, at in rows), default=None)
    return moment
