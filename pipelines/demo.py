"""The whole line on a simulated business: real HTTP, real sync, real warehouse, no account."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from importlib import import_module
from threading import Thread
from typing import Any

from .errors import NothingThere, PipelineError, SettingError
from .names import WORK_FOLDER

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
        PipelineError: the business cannot be served.
    """
    # In a session of its own: an interrupt from the keyboard is for us, who end it.
    business = subprocess.Popen(
        [sys.executable, "-P", "-m", "whop_elt.demo_business"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    # What takes long to import comes while the other process starts, or while it is waited for.
    from whop_simulator import DEFAULT_CLOCK, Business

    with business:
        try:
            last = _last_demo(destination_name, Business.empty().company_id)
            clock = DEFAULT_CLOCK if last is None else last + STEP
            Thread(target=_import_dbt, daemon=True).start()
            told = _start(business, clock)
            # A step of a week would make every second demo a full pass, and hide the usual run.
            yield {**told, "full_every_days": 30}, clock, last is None
        finally:
            business.kill()


def _import_dbt() -> None:
    # Where that fails, the models say so.
    with suppress(Exception):
        import_module("dbt.cli.main")


def _start(business: subprocess.Popen[str], clock: datetime) -> dict[str, Any]:
    """Tell the business how late it is; return the settings that it answers with."""
    assert business.stdin and business.stdout
    with suppress(BrokenPipeError):
        asked = {"clock": clock.isoformat(), "members": MEMBERS, "years": YEARS}
        business.stdin.write(f"{json.dumps(asked)}\n")
        business.stdin.flush()
    if line := business.stdout.readline():
        told: dict[str, Any] = json.loads(line)
        return told
    raise PipelineError("The simulated business could not be served: what it said is above")


def _last_demo(destination_name: str, demo_company: str) -> datetime | None:
    """Simulated time of the last demo on this warehouse, UTC."""
    from .destination import open_destination
    from .run_lock import run_lock

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
