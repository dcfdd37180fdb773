"""The whole line on a simulated business: real HTTP, real sync, real warehouse, no account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from whop_simulator import DEFAULT_CLOCK, Business, serve
from whop_simulator.units import iso, to_ms

from .destination import WORK_FOLDER, open_destination
from .errors import NothingThere, SettingError
from .run_lock import run_lock

MEMBERS = 1500
YEARS = 3
STEP = timedelta(days=7)
"""How much later it is in the simulated business each time the demo is run on one warehouse."""


DECIDED_AFTER = timedelta(days=3)
"""How long after the first demo a bank charges a payment back."""


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
    with serve(_business_at(clock)) as server:
        settings = {
            "api_key": server.api_key,
            "base_url": server.base_url,
            "company_id": server.businesses[0].company_id,
            # A step of a week would make every second demo a full pass, and hide the usual run.
            "full_every_days": 30,
        }
        yield settings, clock, last is None


def _business_at(clock: datetime) -> Business:
    """The demo's business, and what a bank has decided there once it is later.

    A payment of the month before is charged back, with effect from that month's end: what the
    second demo tells of is a closed month that has moved, as those of real businesses do.
    """
    business = Business(members=MEMBERS, years=YEARS)
    if clock == DEFAULT_CLOCK:
        return business
    payment_id = _paid_last_by_who_left(business)
    business.advance_to(min(DEFAULT_CLOCK + DECIDED_AFTER, clock))
    if payment_id and business.clock < clock:
        month = DEFAULT_CLOCK.replace(day=1, hour=0)
        row = business.row("payments", payment_id)
        row["substatus"] = "dispute_lost"
        row["dispute_alerted_at"] = iso(to_ms(month - timedelta(days=2)))
        row["updated_at"] = iso(business.clock_ms)
        business.put("payments", row)
    business.advance_to(clock)
    return business


def _paid_last_by_who_left(business: Business) -> str | None:
    """A payment of the middle of last month: the last of a membership that is over by now."""
    month = (DEFAULT_CLOCK.replace(day=1) - timedelta(days=1)).replace(day=8, hour=0)
    begins, ends = to_ms(month), to_ms(month + timedelta(days=14))
    for member in business.members:
        last = {payment.membership: payment for payment in member.payments}
        for membership, payment in last.items():
            if (
                membership is not None
                and membership.status == "canceled"
                and membership.plan.recurring
                and payment.substatus == "succeeded"
                and payment.total
                and begins <= (payment.paid_at or 0) < ends
            ):
                return payment.id
    return None


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
